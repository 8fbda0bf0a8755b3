"""Novelty: what is familiar is known by its features, few of it are rejected, and strange images are found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lenext.data.draws import uniforms
from lenext.evaluation.features import MOST, seen
from lenext.evaluation.novelty import REJECTED, detection, learn, limit_of, scores
from lenext.models import create_model


def normal(number, images=600, width=12):
    from scipy.special import ndtri

    white = ndtri(uniforms((5, 92), number, 0, images, width).clip(1e-12))
    return (white @ (np.eye(width) + 0.5 * np.tri(width)) + np.arange(width)).astype(np.float32)


def test_the_score_is_the_distance_of_mahalanobis():
    features = normal(0, images=5000)
    found = scores(normal(1), learn(features))
    centred = normal(1) - features.mean(axis=0)
    theirs = (centred @ np.linalg.inv(np.cov(features.T)) * centred).sum(axis=1) / 12
    assert found == pytest.approx(theirs, rel=0.05)
    assert found.mean() == pytest.approx(1.0, abs=0.1)


def test_few_of_the_same_kind_are_rejected_and_others_are_found():
    familiar = learn(normal(0))
    limit = limit_of(scores(normal(1), familiar))
    assert (scores(normal(1), familiar) > limit).sum() == int(REJECTED * 600)
    assert np.mean([(scores(normal(seed), familiar) > limit).mean() for seed in range(2, 12)]) < 2.5 * REJECTED
    found = detection(scores(normal(2), familiar), scores(normal(3) + 12, familiar))
    assert found.auroc.value > 0.99
    assert found.fpr.value < 0.05


def test_features_that_never_change_and_too_few_images_are_borne():
    features = normal(0, images=20)
    features[:, 3] = 7.0
    assert np.isfinite(scores(features, learn(features))).all()
    changed = features.copy()
    changed[:, 3] = 8.0
    assert scores(changed, learn(features)).min() > 100


def test_detection_agrees_with_scikit_learn():
    from sklearn.metrics import roc_auc_score, roc_curve

    own, others = np.round(normal(0)[:, 0], 1), np.round(normal(1)[:400, 0] + 1, 1)
    found = detection(own, others)
    truth, both = np.r_[np.zeros(600), np.ones(400)], np.r_[own, others]
    assert found.auroc.value == pytest.approx(roc_auc_score(truth, both))
    false, true, _ = roc_curve(truth, both, drop_intermediate=False)
    assert found.fpr.value == pytest.approx(false[np.argmax(true >= 0.95)])
    assert found.auroc.low < found.auroc.value < found.auroc.high


@pytest.mark.parametrize("name", ["lenet5", "resnet20_cifar", "nin", "densenet121"])
def test_every_network_is_seen_in_one_pass_and_answers_as_ever(name):
    network = create_model(name, num_classes=4).eval()
    images = torch.rand(3, *network.input_size)
    with torch.inference_mode():
        alone = network(images)
        with seen(network) as caught:
            assert network(images).equal(alone)
            network(images[:2])
        network(images)
    assert caught.logits().shape == (5, 4)
    assert caught.features().shape[0] == 5
    assert 4 < caught.features().shape[1] <= MOST
    assert np.isfinite(caught.features()).all()
    assert caught.features()[:2] == pytest.approx(caught.features()[3:], rel=1e-4, abs=1e-5)
