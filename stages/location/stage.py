"""Country, region, city and coordinates of addresses.

Source: docs/reference/transforms.md#add_location.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import polars as pl

from pipeline.diagnostics import Problem, nearest, warning
from pipeline.files import Name, entries, is_file
from pipeline.flows import cidr, values
from pipeline.flows.lookup_cache import LookupCache
from pipeline.stage import BuildContext, BuiltStage, Example, Fields, Step, Transform
from pipeline.stage.address_field import AddressField, both
from pipeline.stage.fingerprint import fingerprints
from pipeline.stage.once import once
from stages.location.databases import Database, Place, opened

_SUFFIXES = {
    "country": "_CountryName",
    "country_long": "_CountryLongName",
    "region": "_RegionName",
    "city": "_CityName",
    "latitude": "_Latitude",
    "longitude": "_Longitude",
}
_NOTHING = Place(*[None] * len(Place._fields))


class Location(Transform, frozen=True, kw_only=True, dict=True, tag="location"):
    """Write where an address is: country, region, city, latitude and longitude.

    `file` is a database of your own: a BIN file of IP2Location, a zip file with one, or a database
    of MaxMind (.mmdb) with cities or countries. It is opened again when it changes. The fields are
    the output with _CountryName (two letters), _CountryLongName, _RegionName, _CityName, _Latitude
    and _Longitude (texts with six decimals), as far as the database has them; of an address that is
    not in it there are none. IP2Location has "-" for addresses that are private.
    """

    example: ClassVar[Example] = Example(
        config="- {name: places, type: location, follows: flows, file: places.BIN}",
        flows="""
            {"SrcAddr": "10.128.0.14", "DstAddr": "3.5.204.7"}
        """,
        output="""
            {"SrcAddr": "10.128.0.14", "DstAddr": "3.5.204.7",
             "SrcLocation_CountryName": "-", "SrcLocation_CountryLongName": "-",
             "SrcLocation_RegionName": "-", "SrcLocation_CityName": "-",
             "SrcLocation_Latitude": "0.000000", "SrcLocation_Longitude": "0.000000",
             "DstLocation_CountryName": "IE", "DstLocation_CountryLongName": "Ireland",
             "DstLocation_RegionName": "Dublin", "DstLocation_CityName": "Dublin",
             "DstLocation_Latitude": "53.343990", "DstLocation_Longitude": "-6.267190"}
        """,
        binaries={
            "places.BIN": (
                "BQYZCwEDAAAAQQAAAAAAAAAAAAAAAAAAAAAAAAABAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                "AAAAAAAAAAAACgAAAApQAAAKUAAAAAAAAAAAAAAAAAAAOnAAAAsgAAALIAAAA/YFVC0ozIwAAAAASg"
                "AAAApQAAAKUAAAAAAAAAAAAAAP////8AAAAAAAAAAAAAAAAAAAAAAAAAAAEtAAEtAS0CSUUHSXJlbG"
                "FuZAZEdWJsaW4="
            )
        },
    )

    annotates: ClassVar[bool] = True

    file: Name
    ends: list[AddressField] = msgspec.field(default_factory=lambda: both("Location"))

    def reads(self) -> Fields:
        return frozenset(end.input for end in self.ends)

    def check(self, folder: Path) -> Iterator[Problem]:
        path = folder / self.file
        if not is_file(path):
            names = [one.name for one in entries(path.parent)]
            hint = nearest(path.name, names) or "give a database of your own: none is downloaded"
            yield Problem(("file",), f'no file "{self.file}"', hint)
        else:
            try:
                self._opened(path)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                yield Problem(("file",), f'"{self.file}": {reason}')
        for i, end in enumerate(self.ends):
            for field in ("input", "output"):
                if not getattr(end, field):
                    yield Problem(("ends", i, field), f"`{field}` is empty")
            if any(end.output == other.output for other in self.ends[:i]):
                yield warning(("ends", i, "output"), f'"{end.output}" is written by two ends')

    def build(self, context: BuildContext) -> BuiltStage:
        path = context.folder / self.file

        def fingerprint() -> Hashable:
            return fingerprints([path])

        return BuiltStage(self._step(self._opened(path), context), fingerprint=fingerprint)

    @once
    def _opened(self, path: Path) -> Database:
        """The database, opened by `check` or else when it is built: to copy it takes a while."""
        return opened(path)

    def _step(self, database: Database, context: BuildContext) -> Step:
        memo = LookupCache(lambda texts: _places(database, texts))

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            for end in self.ends:
                written = [
                    (column, end.output + suffix)
                    for column, suffix in _SUFFIXES.items()
                    if context.needs(end.output + suffix)
                ]
                if written and values.known(flows.schema, end.input):
                    texts = values.column(flows, values.string(flows.schema, end.input))
                    found = memo.get(texts)
                    for column, name in written:
                        flows = values.put(flows, name, found[column])
            return flows

        return step


def _places(database: Database, texts: pl.Series) -> pl.DataFrame:
    """The places of distinct texts (String): a row each with the columns of Place (String)."""
    found = [
        (database.find(str(place)) if (place := cidr.address(text)) else None) or _NOTHING
        for text in texts
    ]
    return pl.DataFrame(found, schema=dict.fromkeys(Place._fields, pl.String), orient="row")
