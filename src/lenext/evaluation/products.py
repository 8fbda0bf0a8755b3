"""What a pass costs: multiply-adds of convolutions and matrix products, counted while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn
from torch.utils.flop_counter import flop_registry

from lenext.layers.dispatch import OperatorMode


class Products(OperatorMode):  # type: ignore[no-untyped-call]
    """Counts what runs inside; ``macs`` is the sum so far."""

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0
        self._shares = [1.0]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            flops = flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=result)
            self.macs += round(flops * self._shares[-1] / 2)
        return result

    def enter(self, module: nn.Module, _: Any) -> None:
        self._shares.append(float(module.density))  # type: ignore[arg-type]

    def leave(self, *_: Any) -> None:
        self._shares.pop()


@contextmanager
def counted(network: nn.Module) -> Iterator[Products]:
    """Count the products of ``network`` inside; of a kernel that is mostly zeros only its ``density`` counts."""
    with ExitStack() as hooks, Products() as products:
        for module in network.modules():
            if hasattr(module, "density"):
                hooks.enter_context(module.register_forward_pre_hook(products.enter))
                hooks.enter_context(module.register_forward_hook(products.leave))
        yield products
