"""Packages that are imported when something of them is used: reading a configuration needs none.

Modules import them at their head as ever. `importlib.util.LazyLoader` would load a package with the
second `import` of it, which looks at its `__spec__`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

FRAMES = ("numpy", "polars")
"""What frames of flows are made of."""


class _Waiting(ModuleType):
    """A package that is imported by the first question for something in it, then the same to all.

    An import of a module of the package asks too: for the path of the package.
    """

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        package = import_module(self.__name__)
        vars(self).update(vars(package))
        return getattr(package, name)


def import_on_use(names: tuple[str, ...]) -> None:
    """Let imports of these packages, from now on, wait for the first use of something in them."""
    for name in names:
        sys.modules.setdefault(name, _Waiting(name))
