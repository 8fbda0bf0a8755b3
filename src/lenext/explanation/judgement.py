"""A heat map put to the test: what becomes of the answer without its hottest pixels, and with nothing else.

Deletion and insertion after Petsiuk, Das and Saenko (1806.07421), at one share of the pixels; and a map must beat
random ones. Those are the map itself, moved over the picture and mirrored by chance: as smooth and as hot, elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lenext.data.draws import uniforms
from lenext.explanation.odds import log_odds

HOTTEST = 0.1  # share of the pixels that is hidden, or kept alone
TRIALS = 19  # random maps: with none as good, a map is better than chance at 1 in 20
BATCH = 32  # pictures at once


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """whole, hidden, alone: the class's probability of the picture, without its hottest tenth, and of that tenth alone.

    matched: of ``trials`` random maps, those whose ``alone`` lay as far above their ``hidden``, in log odds.
    """

    whole: float
    hidden: float
    alone: float
    matched: int
    trials: int

    @property
    def better_than_random(self) -> bool | None:
        """Whether at most one random map in ten does as well; None where none was tried."""
        return self.matched * 10 <= self.trials if self.trials else None


def hottest(heat: Tensor) -> Tensor:  # H W -> bool H W
    """The ``HOTTEST`` share of the pixels, at least one; of equals those that come first."""
    count = max(1, round(HOTTEST * heat.numel()))
    chosen = torch.zeros(heat.numel(), dtype=torch.bool)
    chosen[heat.flatten().cpu().sort(descending=True, stable=True).indices[:count]] = True
    return chosen.reshape(heat.shape)


def moved(heat: Tensor, trials: int, seed: int) -> list[Tensor]:  # H W
    """The map moved round the picture's edges and mirrored by chance; the same for the same seed."""
    height, width = heat.shape
    found = []
    for y, x, upside, mirror in uniforms((seed, 0), 0, 0, trials, 4):
        axes = [axis for axis, by in ((0, upside), (1, mirror)) if by < 0.5]
        found.append(heat.flip(axes).roll((int(y * height), int(x * width)), (0, 1)))
    return found


def judge(
    network: nn.Module,
    inputs: Tensor,
    class_: int,
    heat: Tensor,
    *,
    temperature: float = 1.0,
    trials: int = TRIALS,
    seed: int = 0,
) -> Judgement:
    """Put a heat map (H W, not negative) of one image (the network's input, 1 C H W) to the test.

    temperature: logits are divided by it, as where the network answers.
    Only what ``heat`` covers counts: pixels where it is not a number surround the picture and are always kept.
    """
    picture = ~heat.isnan()
    rows, columns = (picture.any(axis).nonzero()[[0, -1], 0].tolist() for axis in (1, 0))
    window = (slice(rows[0], rows[1] + 1), slice(columns[0], columns[1] + 1))
    inside = heat[window].cpu()
    masks = torch.stack([hottest(one) for one in (inside, *moved(inside, trials, seed))])
    hidden_odds: list[Tensor] = []
    alone_odds: list[Tensor] = []
    with torch.no_grad():
        whole = log_odds(network(inputs).float() / temperature, class_)
        for some in torch.split(masks, BATCH):
            mask = torch.zeros(len(some), *heat.shape, dtype=torch.bool)
            mask[(slice(None), *window)] = some
            for odds, kept in ((hidden_odds, ~mask), (alone_odds, mask | ~picture.cpu())):
                logits = network(inputs * kept[:, None].to(inputs.device)).float()
                odds.append(log_odds(logits / temperature, class_))
    hidden, alone = torch.cat(hidden_odds), torch.cat(alone_odds)
    gain = alone - hidden
    return Judgement(
        whole=float(whole.sigmoid()[0]),
        hidden=float(hidden.sigmoid()[0]),
        alone=float(alone.sigmoid()[0]),
        matched=int((gain[1:] >= gain[0]).sum()),
        trials=trials,
    )
