"""What a network is and why it answers as it does.

``lenext.explain`` is this package and a public verb as well: called, it does what ``lenext.api.explain.explain`` says.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Verb(ModuleType):
    def __call__(self, *given: Any, **asked: Any) -> Any:
        import lenext

        return lenext.__getattr__("explain")(*given, **asked)


sys.modules[__name__].__class__ = _Verb
