"""A linear classifier of features: what scikit-learn fits, with a strength chosen on images that did not fit."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from lenext.errors import UsageError
from lenext.recipes import Transfer
from lenext.training.linear import compact, divisions, fit_linear


@pytest.fixture
def blobs():
    """Three classes of 20 points about their own centres, in 2 views."""
    numbers = np.random.default_rng(0)
    labels = np.arange(60) % 3
    centres = np.array([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0]])
    return centres[labels] + numbers.normal(size=(2, 60, 4)), labels


def test_it_is_scikit_learns(blobs):
    features, labels = blobs
    linear = fit_linear(features, labels, 3, Transfer(views=2, strengths=(4.0,)))
    forward = compact(features)[1].T
    theirs = LogisticRegression(C=2.0, max_iter=1000).fit(features.reshape(120, 4) @ forward, np.tile(labels, 2))
    ours = np.exp(linear.logits(features[0]))
    assert ours / ours.sum(1, keepdims=True) == pytest.approx(theirs.predict_proba(features[0] @ forward), abs=1e-6)


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_it_separates(blobs, classifier):
    features, labels = blobs
    linear = fit_linear(features, labels, 3, Transfer(classifier=classifier))
    assert (linear.logits(features[0]).argmax(1) == labels).mean() > 0.85
    assert linear.strength in Transfer().strengths
    assert len(linear.scores) == len(Transfer().strengths)


def test_a_discriminant_is_scikit_learns(blobs):
    features, labels = blobs
    linear = fit_linear(features[:1], labels, 3, Transfer(classifier="discriminant", strengths=(0.4,)))
    forward = compact(features[:1])[1].T
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.4).fit(features[0] @ forward, labels)
    ours, wanted = linear.logits(features[0]), theirs.decision_function(features[0] @ forward)
    gaps, wanted = ours[:, 1:] - ours[:, :1], wanted[:, 1:] - wanted[:, :1]
    assert gaps * (wanted[0, 0] / gaps[0, 0]) == pytest.approx(wanted, abs=1e-6)


def test_a_discriminant_of_few_images_is_as_sure_as_it_may_be():
    """Twelve images in fifty directions of chance: what fits is right every time, what was held out by luck."""
    features = np.random.default_rng(0).normal(size=(1, 12, 50))
    linear = fit_linear(features, np.arange(12) % 3, 3, Transfer(classifier="discriminant", strengths=(0.1,)))
    new = np.exp(linear.logits(np.random.default_rng(1).normal(size=(100, 50))))
    assert np.median((new / new.sum(1, keepdims=True)).max(1)) < 0.6


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_discriminant_takes_shares(share):
    with pytest.raises(UsageError, match="strengths of a discriminant"):
        Transfer(classifier="discriminant", strengths=(share,))


def test_one_image_of_a_class_and_two_classes_make_a_discriminant(blobs):
    features, labels = blobs
    rows = [0, 1, 4, 7, 10]
    linear = fit_linear(features[:1, rows], labels[rows], 3, Transfer(classifier="discriminant", strengths=(0.4, 0.3)))
    assert np.isfinite(linear.weight).all()
    assert set(linear.logits(features[0]).argmax(1)) <= {0, 1}
    alone = fit_linear(np.eye(3)[None], np.arange(3), 3, Transfer(classifier="discriminant", strengths=(0.4,)))
    assert alone.logits(np.eye(3)).argmax(1).tolist() == [0, 1, 2]


def test_two_classes_have_two_logits(blobs):
    features, labels = blobs
    rows = labels < 2
    linear = fit_linear(features[:, rows], labels[rows], 2, Transfer(strengths=(1.0,)))
    assert linear.weight.shape == (2, 4)
    assert linear.weight[0] == pytest.approx(-linear.weight[1])
    theirs = LogisticRegression(C=0.5, max_iter=1000)
    forward = compact(features[:, rows])[1].T
    theirs.fit(features[:, rows].reshape(-1, 4) @ forward, np.tile(labels[rows], 2))
    gap = linear.logits(features[0])[:, 1] - linear.logits(features[0])[:, 0]
    assert gap == pytest.approx(theirs.decision_function(features[0] @ forward), abs=1e-6)


def test_a_class_without_images_is_never_the_answer(blobs):
    features, labels = blobs
    linear = fit_linear(features, np.where(labels == 2, 3, labels), 4, Transfer(strengths=(1.0,)))
    assert set(linear.logits(features[0]).argmax(1)) <= {0, 1, 3}


def test_a_useless_strength_is_not_chosen(blobs):
    linear = fit_linear(*blobs, 3, Transfer(strengths=(1e-9, 10.0)))
    assert linear.strength == 10.0
    assert linear.scores[1] > linear.scores[0] - 0.01


def test_divisions_judge_every_image_once():
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    parts = list(divisions(labels, 3))
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(9))
    assert all(set(labels[fitted]) == {0, 1} for fitted, _ in parts)
    assert not any(set(fitted) & set(held) for fitted, held in parts)


def test_one_image_a_class_leaves_nothing_to_judge():
    linear = fit_linear(np.eye(3)[None], np.arange(3), 3, Transfer())
    assert linear.scores == (0.0,) * 4
    assert list(linear.logits(np.eye(3)).argmax(1)) == [0, 1, 2]


def test_fewer_images_than_features_are_fitted_in_the_space_that_they_span(blobs):
    features, labels = blobs
    wide = features[:, :9] @ np.random.default_rng(1).normal(size=(4, 30))
    rows, back = compact(wide)
    assert rows.shape == (2, 9, 18)
    assert np.linalg.norm(rows, axis=2).mean() == pytest.approx(1)
    assert wide @ back.T == pytest.approx(rows)
    whole = LogisticRegression(C=2.0, max_iter=5000, tol=1e-8)
    spread = wide.std((0, 1))
    even = wide / np.sqrt(spread + 0.05 * spread.mean())
    even = even.reshape(18, 30) / np.linalg.norm(even, axis=2).mean()
    whole.fit(even, np.tile(labels[:9], 2))
    linear = fit_linear(wide, labels[:9], 3, Transfer(views=2, strengths=(4.0,)))
    wanted = whole.decision_function(even)
    found = linear.logits(wide).reshape(18, 3)
    assert found - found.mean(1, keepdims=True) == pytest.approx(wanted - wanted.mean(1, keepdims=True), abs=1e-2)


def test_held_out_images_set_the_unit_of_the_logits(blobs):
    """Margins of a support vector machine become logits under which the truth of other images is likely."""
    features, labels = blobs
    linear = fit_linear(features, labels, 3, Transfer(views=2, classifier="svm", strengths=(10.0, 100.0)))
    centres = np.array([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0]])
    kinds = np.arange(600) % 3
    logits = linear.logits(centres[kinds] + np.random.default_rng(2).normal(size=(600, 4)))
    apart = logits - logits[np.arange(600), kinds][:, None]
    tenth, as_it_is, tenfold = (np.log(np.exp(times * apart).sum(1)).mean() for times in (0.1, 1, 10))
    assert as_it_is < min(tenth, tenfold)


def test_features_of_length_1_are_fitted_as_they_are(blobs):
    """VGG, Appendix B: a linear SVM of the features themselves, with scikit-learn's own C."""
    features, labels = blobs
    one = features[:1] / np.linalg.norm(features[:1], axis=2, keepdims=True)
    linear = fit_linear(one, labels, 3, Transfer(classifier="svm", strengths=(4.0,), unit_length=True))
    theirs = LinearSVC(C=4.0, max_iter=1000, random_state=0).fit(one[0], labels)
    unit = np.linalg.norm(theirs.coef_) / np.linalg.norm(linear.weight)  # what held-out images say of the logits
    assert linear.weight * unit == pytest.approx(theirs.coef_, abs=1e-6)
    assert linear.bias * unit == pytest.approx(theirs.intercept_, abs=1e-6)


def test_fewer_features_of_length_1_lose_nothing_either(blobs):
    wide = blobs[0][:1, :9] @ np.random.default_rng(1).normal(size=(4, 30))
    wide /= np.linalg.norm(wide, axis=2, keepdims=True)
    rows, back = compact(wide, as_it_is=True)
    assert rows.shape == (1, 9, 9)
    assert wide @ back.T == pytest.approx(rows)
    assert rows[0] @ rows[0].T == pytest.approx(wide[0] @ wide[0].T)
