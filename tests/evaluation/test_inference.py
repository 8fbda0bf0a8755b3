"""Probabilities of a network for pixels, and the choice of what computes them."""

import numpy as np
import pytest
import torch
from torch import nn

from lenext.data.statistics import Statistics
from lenext.errors import UsageError
from lenext.evaluation.inference import Compute, probabilities

CPU = Compute.choose("cpu")
PIXELS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (11, 3, 6, 6), dtype=np.uint8))
STATISTICS = Statistics((0.4, 0.5, 0.6), (0.2, 0.3, 0.25))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Dropout(0.5), nn.Linear(128, 5))


class TestProbabilities:
    def test_they_are_the_softmax_of_the_logits_of_the_normalised_input(self, network):
        found = probabilities(network, STATISTICS, [PIXELS], CPU)
        mean, std = (np.array(part)[:, None, None] for part in (STATISTICS.mean, STATISTICS.std))
        with torch.no_grad():
            logits = network.eval()(torch.from_numpy((PIXELS.numpy() / 255 - mean) / std).float()).double().numpy()
        powers = np.exp(logits - logits.max(1, keepdims=True))
        assert found.dtype == np.float32
        assert np.abs(found - powers / powers.sum(1, keepdims=True)).max() < 1e-6

    def test_dropout_sleeps_and_the_running_figures_stay(self, network):
        network.train()
        before = network[1].running_mean.clone()
        one, other = (probabilities(network, STATISTICS, [PIXELS], CPU) for _ in range(2))
        assert (one == other).all()
        assert network[1].running_mean.equal(before)
        assert not network.training

    def test_batches_come_in_order_and_nothing_is_left_out(self, network):
        found = probabilities(network, STATISTICS, PIXELS.split([4, 1, 6]), CPU)
        assert found.shape == (11, 5)
        assert np.abs(found - probabilities(network, STATISTICS, [PIXELS], CPU)).max() < 1e-6

    def test_a_mean_image_is_subtracted(self, network):
        statistics = Statistics((0.0,) * 3, (1 / 255,) * 3, PIXELS.float().mean(0))
        by_hand = (PIXELS.float() - PIXELS.float().mean(0))[None].squeeze(0)
        with torch.no_grad():
            expected = network.eval()(by_hand).softmax(1).numpy()
        assert np.abs(probabilities(network, statistics, [PIXELS], CPU) - expected).max() < 1e-5

    def test_no_image_has_no_probabilities(self, network):
        assert probabilities(network, STATISTICS, [], CPU).shape == (0, 0)

    def test_one_can_stop_it_between_two_batches(self, network):
        seen = []

        def batches():
            for number in range(5):
                seen.append(number)
                yield PIXELS

        def poll():
            if len(seen) == 2:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            probabilities(network, STATISTICS, batches(), CPU, poll)
        assert seen == [0, 1]

    def test_half_precision_is_near_and_comes_back_in_full(self, network):
        half = probabilities(network, STATISTICS, [PIXELS], Compute.choose("cpu", "bf16"))
        full = probabilities(network, STATISTICS, [PIXELS], CPU)
        assert half.dtype == np.float32
        assert 0 < np.abs(half - full).max() < 0.05
        assert half.sum(1) == pytest.approx(1, abs=1e-5)


class TestChoice:
    def test_auto_is_what_the_machine_has(self):
        assert Compute.choose().device.type == ("cuda" if torch.cuda.is_available() else "cpu")

    def test_a_numbered_device(self):
        assert Compute.choose("cpu:0").device == torch.device("cpu:0")

    @pytest.mark.parametrize("device", ["gpu", "", "meta", "cuda:99", "cpu:x", "hpu", "vulkan", "CPU:-1", "xpu:7"])
    def test_what_is_not_there_is_said_in_one_line(self, device):
        with pytest.raises(UsageError) as caught:
            Compute.choose(device)
        assert repr(device) in str(caught.value)
        assert len(str(caught.value)) < 200
        assert "auto" in caught.value.remedy

    @pytest.mark.parametrize("able", [True, False])
    def test_a_precision_that_the_processor_lacks_is_said(self, able, monkeypatch):
        monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": able})
        assert (Compute.choose("cpu", "bf16").caution is None) == able
        assert "auto" in str(Compute.choose("cpu", "fp16").caution)
        assert Compute.choose("cpu", "auto").caution is None
        assert Compute.choose("cpu").caution is None

    @pytest.mark.parametrize("precision", ["fp8", "", "FP32"])
    def test_an_unknown_precision_is_not_taken_for_another(self, precision):
        with pytest.raises(UsageError, match="There is no precision") as caught:
            Compute.choose("cpu", precision)
        assert "bf16" in caught.value.remedy
