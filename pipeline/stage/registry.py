"""Which stage types there are: those of the package `stages`, and those of installed packages.

A package adds stages with an entry point of the group `flowmatrix.stages`. Its value is a class
(`package.module:MyStage`) or a module (`package.module`), which adds every Spec defined in it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from pipeline.diagnostics import ConfigError, Location, refusal
from pipeline.stage.spec import Spec

GROUP = "flowmatrix.stages"
"""The group of entry points that add stages."""
_PACKAGE = "stages"


def registry() -> Mapping[str, type[Spec]]:
    """Every stage type by its YAML `type`.

    Raises ConfigError when two stages have the same `type`, or an entry point cannot be loaded.
    """
    installed = list(_installed())
    return _by_type([*_OWN.values(), *installed]) if installed else _OWN


class _Own(Mapping[str, type[Spec]]):
    """The stages of the package `stages`. One that is asked for is in the module of its type.

    So a configuration imports its own stages. All others are imported only where its type is that
    of no module, or where all types are asked for.
    """

    def __getitem__(self, tag: str) -> type[Spec]:
        _import(f"{_PACKAGE}.{tag}", f"{_PACKAGE}.{tag}.stage")
        found = _imported()
        return found[tag] if tag in found else self._all()[tag]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, type[Spec]]:
        _import(*_modules())
        return _imported()


_OWN = _Own()


@cache
def _modules() -> tuple[str, ...]:
    package = importlib.import_module(_PACKAGE)
    found = pkgutil.walk_packages(package.__path__, f"{_PACKAGE}.")
    return tuple(one.name for one in found)


def _import(*names: str) -> None:
    """Import those of the modules that there are."""
    for name in _modules():
        if name in names:
            importlib.import_module(name)


def _imported() -> dict[str, type[Spec]]:
    return _by_type(s for s in _subclasses(Spec) if s.__module__.startswith(f"{_PACKAGE}."))


def _by_type(specs: Iterable[type[Spec]]) -> dict[str, type[Spec]]:
    found: dict[str, type[Spec]] = {}
    for spec in specs:
        tag = str(spec.__struct_config__.tag)
        first = found.setdefault(tag, spec)
        if first is not spec:
            message = f'stage type "{tag}" is defined twice: {_full(first)} and {_full(spec)}'
            raise refusal(Location("stages"), message, "give one of them another tag")
    return found


def _installed() -> Iterator[type[Spec]]:
    for entry in entry_points(group=GROUP):
        found = _loaded(entry)
        if isinstance(found, ModuleType):
            yield from (s for s in _subclasses(Spec) if s.__module__ == found.__name__)
        elif isinstance(found, type) and issubclass(found, Spec):
            yield found
        else:
            raise _refusal(entry, "is neither a stage nor a module of stages")


def _loaded(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as error:
        raise _refusal(entry, f"cannot be loaded: {type(error).__name__}: {error}") from error


def _refusal(entry: EntryPoint, what: str) -> ConfigError:
    package = f" of {entry.dist.name}" if entry.dist else ""
    message = f'entry point "{entry.name} = {entry.value}"{package} {what}'
    return refusal(Location(GROUP), message, "repair or uninstall the package")


def _subclasses(spec: type[Spec]) -> Iterator[type[Spec]]:
    for child in spec.__subclasses__():
        yield child
        yield from _subclasses(child)


def _full(spec: type[Spec]) -> str:
    return f"{spec.__module__}.{spec.__qualname__}"
