"""Auxiliary classifiers on the way to the top (arXiv 1409.4842, 5; 1512.00567, 4): for training, never for a test."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from lenext.layers.network import Network


class AuxiliaryNetwork(Network):
    """A network whose named stages may carry a head of their own; ``forward`` never looks at them.

    auxiliary: stage -> ``nn.Sequential`` from the stage's map to logits, linear classifier last; may be empty.
    """

    def __init__(
        self,
        *,
        stem: nn.Module,
        stages: Mapping[str, nn.Module],
        head: Mapping[str, nn.Module],
        input_size: tuple[int, int, int],
        auxiliary: Mapping[str, nn.Sequential],
    ) -> None:
        super().__init__(stem=stem, stages=stages, head=head, input_size=input_size)
        self.auxiliary = nn.ModuleDict(auxiliary)
        self._widths = {name: int(head[-1].in_features) for name, head in auxiliary.items()}  # type: ignore[arg-type]

    def auxiliary_logits(self, x: Tensor) -> tuple[Tensor, ...]:  # N C H W -> (N classes, ...)
        """The logits of every auxiliary head, from the first stage to the last, in a pass of its own.

        A training step that needs the main logits too saves a pass with ``intermediates`` and ``forward_auxiliary``.
        """
        return self.forward_auxiliary(self.intermediates(x)) if self._widths else ()

    def forward_auxiliary(self, maps: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The same from the maps that ``intermediates`` gave."""
        return tuple(head(maps[name]) for name, head in self.auxiliary.items())

    def reset_classifier(self, num_classes: int) -> None:
        """A fresh classifier in every head, the auxiliary ones too; 0 takes them off."""
        super().reset_classifier(num_classes)
        like = next(self.parameters())
        for name, head in self.auxiliary.items():
            assert isinstance(head, nn.Sequential)
            fresh = nn.Linear(self._widths[name], num_classes) if num_classes else nn.Identity()
            head[-1] = fresh.to(like.device, like.dtype)
