"""The files that a configuration names, by what its fields are called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

_NAMES = frozenset(
    {"inventory", "autodetect", "file", "kubeconfig", "ca", "cert"}
    | {"tls_ca", "tls_cert", "tls_key", "client_ca"}
)


def named(fields: msgspec.Struct, folder: Path) -> Iterator[Path]:
    """The files in the fields of a structure, and of those in it; relative names are in `folder`.

    A field names one that is called so, or ends in `_file`; `key` does beside a `cert`.
    """
    for name in fields.__struct_fields__:
        value = getattr(fields, name)
        if isinstance(value, msgspec.Struct):
            yield from named(value, folder)
        elif isinstance(value, str) and value and _is_file(name, fields):
            yield folder / value


def _is_file(name: str, fields: msgspec.Struct) -> bool:
    return name in _NAMES or name.endswith("_file") or (name == "key" and hasattr(fields, "cert"))
