"""The auxiliary heads of GoogLeNet and Inception-v3, with the libraries' weights."""

from __future__ import annotations

import pytest
import torch
from pairs import NETWORKS, Counterparts, Pair, error, images, logits, training

from lenext.layers.auxiliary import AuxiliaryNetwork

SIZES = {"googlenet": (224, 256), "inception_v3": (299, 315)}  # Inception's heads see 17x17 maps and little larger ones
# timm's Inception has a head for its weights and gives no logits of it.
PAIRS = [one for one in NETWORKS if one.source == "torchvision" and one.ours in SIZES]


@pytest.mark.parametrize("network", PAIRS, ids=[one.ours for one in PAIRS])
def test_the_auxiliary_logits_are_theirs(network: Counterparts) -> None:
    pair = Pair(network, auxiliary=True).to(torch.float64)
    assert pair.remarks == []
    assert isinstance(pair.ours, AuxiliaryNetwork)
    ours, theirs = training(pair.ours), training(pair.theirs)
    for size in SIZES[network.ours]:
        batch = images(size, torch.float64).expand(2, -1, -1, -1) * torch.tensor([1.0, 0.5]).view(2, 1, 1, 1)
        with torch.no_grad():
            found = ours.auxiliary_logits(batch)
            given = theirs(batch)
        wanted = [given.aux_logits1, given.aux_logits2] if network.ours == "googlenet" else [given.aux_logits]
        assert len(found) == len(wanted)
        assert all(error(one, other) < 1e-10 for one, other in zip(found, wanted, strict=True))
        assert error(logits(ours, batch), given.logits) < 1e-10
