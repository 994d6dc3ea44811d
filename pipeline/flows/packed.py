"""Columns of addresses as their bytes, which sort as the addresses do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from pipeline.flows import cidr

if TYPE_CHECKING:
    import numpy.typing as npt

BYTES = {4: 4, 6: 16}
"""The bytes of an address by its version."""

_FAMILIES = {4: AF_INET, 6: AF_INET6}
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_DOTTED = rf"^(?:{_OCTET}\.){{3}}{_OCTET}$"


class Packed(NamedTuple):
    """Addresses of one version: the places of their texts (Int64), and their bytes (S4 or S16)."""

    version: int
    places: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.bytes_]


def packed(texts: pl.Series) -> Iterator[Packed]:
    """The addresses in a column (String), in any order; each text as `cidr.address` reads it."""
    dotted, usual = pl.first().str.contains(_DOTTED), cidr.is_usual(pl.first())
    form = pl.when(dotted).then(4).when(usual).then(6).otherwise(0)
    forms = texts.to_frame().select(form).to_series().to_numpy()
    for version, family in _FAMILIES.items():
        places = np.flatnonzero(forms == version).tolist()
        yield from _block(version, places, map(partial(inet_pton, family), texts.gather(places)))
    rare = np.flatnonzero(forms == 0).tolist()
    read = zip(rare, map(cidr.address, texts.gather(rare).fill_null("")), strict=True)
    found = [(place, one) for place, one in read if one]
    for version in BYTES:
        own = [(place, one.packed) for place, one in found if one.version == version]
        yield from _block(version, [place for place, _ in own], (told for _, told in own))


def _block(version: int, places: Sequence[int], told: Iterable[bytes]) -> Iterator[Packed]:
    if len(places):
        numbers = np.frombuffer(b"".join(told), f"S{BYTES[version]}")
        yield Packed(version, np.asarray(places, np.int64), numbers)
