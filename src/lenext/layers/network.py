"""The one shape of every network of the line: stem, stages named as in the paper, head. ``forward`` returns logits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenext.layers.scales import at_scales
from lenext.layers.sliding import slid


class Network(nn.Module):
    """Base of every network.

    stem: image to first feature map; stages: ``nn.Sequential`` of named stages; head: ``nn.Sequential``, classifier
    last. Freezing, layer-wise rates, feature extraction, heat maps and new heads rest on these three.

    ``input_size`` is the paper's (channels, height, width); ``num_features`` the width of the classifier's input.
    ``name``, ``reading`` and ``options`` say how ``create_model`` built the network, so that a weight file can do so.
    ``scales``: shares of its size at which a picture is seen, and mirrored; () as it is, once.
    ``unit_length``: whether the classifier sees features of length 1.
    """

    name: str = ""
    reading: str = "paper"
    scales: tuple[float, ...] = ()
    unit_length: bool = False

    def __init__(
        self,
        *,
        stem: nn.Module,
        stages: Mapping[str, nn.Module],
        head: Mapping[str, nn.Module],
        input_size: tuple[int, int, int],
    ) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.Sequential(OrderedDict(stages))
        self.head = nn.Sequential(OrderedDict(head))
        self.input_size = input_size
        self.options: dict[str, Any] = {}
        self.num_features = int(self.get_classifier().in_features)  # type: ignore[arg-type]
        self._classifier = type(self.get_classifier())

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N classes
        if not self.scales:
            return self.forward_head(self.forward_features(x))
        logits: Tensor = self.get_classifier()(self.pooled(x))
        return logits

    def pooled(self, x: Tensor) -> Tensor:  # N C H W -> N features
        """The classifier's input: of several scales, their mean."""
        if not self.scales:
            return self.forward_head(self.forward_features(x), pre_logits=True)
        maps = (self.forward_features(view) for view in at_scales(x, self.scales))
        return self.measured(torch.stack([self.features_of(one) for one in maps]).mean(0))

    def features_of(self, x: Tensor) -> Tensor:  # N C H W -> N features
        """What a map of any size gives the classifier: the mean over its places, of a head that flattens it too."""
        slides = isinstance(self.head[0], nn.Flatten)
        x = slid(list(self.head)[:-1], x) if slides else self.below_classifier(x)
        return x.mean((2, 3)) if x.dim() == 4 else x

    def below_classifier(self, x: Tensor) -> Tensor:
        """The head without its last layer."""
        for module in list(self.head)[:-1]:
            x = module(x)
        return x

    def measured(self, x: Tensor) -> Tensor:
        """The features, of length 1 where the classifier wants them so."""
        return F.normalize(x) if self.unit_length else x

    def forward_features(self, x: Tensor) -> Tensor:  # N C H W -> N features h w
        """The last stage's feature map."""
        features: Tensor = self.stages(self.stem(x))
        return features

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """From the last feature map to logits (N, classes), or to the classifier's input when ``pre_logits``.

        Of a network of several scales the map may have any size, as that of one scale has.
        """
        x = self.measured(self.features_of(x) if self.scales else self.below_classifier(x))
        if not pre_logits:
            x = self.get_classifier()(x)
        return x

    def intermediates(self, x: Tensor) -> dict[str, Tensor]:
        """The output of the stem and of every stage, by name, in order."""
        x = self.stem(x)
        outputs = {"stem": x}
        for name, stage in self.stages.named_children():
            x = stage(x)
            outputs[name] = x
        return outputs

    def get_classifier(self) -> nn.Module:
        """The head's last layer."""
        return self.head[-1]

    @property
    def num_classes(self) -> int:
        """Classes of the classifier, 0 when it was taken off."""
        return int(getattr(self.get_classifier(), "out_features", 0))

    def reset_classifier(self, num_classes: int) -> None:
        """A fresh classifier of the same kind for ``num_classes`` classes; 0 takes it off (features come out)."""
        like = next(self.parameters())
        fresh = self._classifier(self.num_features, num_classes) if num_classes else nn.Identity()
        self.head[-1] = fresh.to(like.device, like.dtype)
