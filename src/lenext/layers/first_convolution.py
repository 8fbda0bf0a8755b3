"""The first convolution of a trained network for images of another number of channels, as timm adapts it."""

from __future__ import annotations

from torch import Tensor, nn

from lenext.layers.network import Network


def first_convolution(network: Network) -> str:
    """The path of the convolution that sees the image."""
    channels = network.input_size[0]
    found = (
        str(name)
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.in_channels == channels
    )
    return next(found)


def adapted(weight: Tensor, channels: int) -> Tensor:  # O C h w -> O channels h w
    """For one channel the sum over all, so that a grey image gives what it gave as equal channels; for others the
    channels over and again, scaled so that equal ones still give the same sum."""
    before = weight.shape[1]
    if channels == 1:
        return weight.sum(1, keepdim=True)
    return weight.repeat(1, -(-channels // before), 1, 1)[:, :channels] * (before / channels)


def adapted_state(source: Network, channels: int) -> dict[str, Tensor]:
    """The weights of ``source``, its first convolution for so many channels."""
    state = source.state_dict()
    if channels != source.input_size[0]:
        name = f"{first_convolution(source)}.weight"
        state[name] = adapted(state[name], channels)
    return state


def said(before: int, channels: int) -> str:
    """What was done, in words."""
    how = "their weights summed" if channels == 1 else "their weights over and again, in proportion"
    return f"the first convolution is adapted from {before} channels to {channels}, {how}"
