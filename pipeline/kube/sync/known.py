"""The objects of a resource as they are now."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec

from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object
from pipeline.kube.sync.feed import Followed

One = TypeVar("One")
Named = tuple[str, str]
"""Namespace and name of an object."""


class Known(Followed, Generic[One]):
    """Keeps what `read` makes of each object.

    A change replaces the dictionary, so a thread that reads it never sees half of one.
    """

    def __init__(self, *what: Any) -> None:
        self._known: dict[Named, One] = {}
        super().__init__(*what)

    def __len__(self) -> int:
        return len(self._known)

    def objects(self) -> list[One]:
        """What is kept, in no particular order."""
        return list(self._known.values())

    @abstractmethod
    def read(self, raw: msgspec.Raw) -> tuple[Named, One]:
        """An object's name, and what is kept of it."""

    def listed(self, pages: Iterable[list[msgspec.Raw]], *, since: int, at: int) -> None:
        """Keep these objects and no others."""
        self._known = dict(self._fresh(one) for page in pages for one in page)

    def changed(self, one: msgspec.Raw, at: int) -> None:
        """Keep this object as it is now."""
        name, found = self._fresh(one)
        self._known = {**self._known, name: found}

    def deleted(self, one: msgspec.Raw, at: int) -> None:
        """Keep this object no more."""
        gone, _ = self.read(one)
        self._known = {name: kept for name, kept in self._known.items() if name != gone}

    def _fresh(self, raw: msgspec.Raw) -> tuple[Named, One]:
        """An object; the very same as before where nothing that is kept has changed."""
        name, fresh = self.read(raw)
        known = self._known.get(name)
        return name, fresh if known is None or known != fresh else known


class KnownObjects(Known[Object]):
    """Keeps the objects whole."""

    def read(self, raw: msgspec.Raw) -> tuple[Named, Object]:
        """An object, which says its kind (in a list it need not)."""
        one = msgspec.structs.replace(objects.parse(raw), kind=self.resource.kind)
        return (one.metadata.namespace or "", one.metadata.name), one
