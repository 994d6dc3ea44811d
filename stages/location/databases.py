"""Databases of places by address: BIN files of IP2Location, also zipped, and those of MaxMind.

Source: docs/reference/transforms.md#add_location.
"""

from __future__ import annotations

import shutil
import struct
import weakref
import zipfile
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, NamedTuple, Protocol

MISSING = "install flowmatrix[location] to read it"
_MAXMIND = b"\xab\xcd\xefMaxMind.com"
_METADATA = 128 * 1024
"""Bytes at the end of a database of MaxMind that have its metadata."""
_HEADER, _TYPES = 32, 26
"""Bytes of a BIN file's header, and how many kinds of such files there are."""


class Place(NamedTuple):
    """What is known of an address; None for what the database does not say."""

    country: str | None
    country_long: str | None
    region: str | None
    city: str | None
    latitude: str | None
    longitude: str | None


class Database(Protocol):
    """Finds places."""

    def find(self, address: str) -> Place | None:
        """The place of a valid address; None where there is nothing of it."""


def opened(path: Path) -> Database:
    """The database of a file, told by its content; it is copied, so that the file may change.

    Raises OSError when the file cannot be read, ValueError when it is not a database, or when the
    library for it is not installed.
    """
    with path.open("rb") as file, NamedTemporaryFile() as copy:
        if zipfile.is_zipfile(file):
            _unpack(file, copy)
        else:
            file.seek(0)
            shutil.copyfileobj(file, copy)
        copy.flush()
        return _told(Path(copy.name))


def _unpack(file: IO[bytes], copy: IO[bytes]) -> None:
    """The first BIN file of a zip file, as the original expects it."""
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.upper().endswith(".BIN")]
        if not names:
            raise ValueError("the zip file has no BIN file")
        with archive.open(names[0]) as packed:
            shutil.copyfileobj(packed, copy)


def _told(path: Path) -> Database:
    """The database of a file that is deleted afterwards: it stays open."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_HEADER)
        file.seek(max(0, size - _METADATA))
        if _MAXMIND in file.read():
            return _MaxMind(path)
    plausible = len(header) == _HEADER and 0 < header[0] <= _TYPES and 0 < header[3] <= 12
    if not plausible:
        raise ValueError("it is neither a BIN file of IP2Location nor a database of MaxMind")
    columns = header[1]
    count, first, count_6, first_6 = struct.unpack_from("<4I", header, 5)
    ends = (first + count * columns * 4, first_6 + count_6 * (columns * 4 + 12))
    if max(ends) > size:
        raise ValueError("it is cut: it has less rows than it says")
    return _Ip2Location(path)


class _Ip2Location:
    """A BIN file; a field that it has not is absent."""

    def __init__(self, path: Path) -> None:
        try:
            from IP2Location import IP2Location  # noqa: PLC0415 - few need it
            from IP2Location.database import IP2LocationRecord  # noqa: PLC0415 - the same
        except ImportError as error:
            raise ValueError(MISSING) from error
        self._database = IP2Location(str(path))
        weakref.finalize(self, self._database.close)
        self._unavailable = IP2LocationRecord.city

    def find(self, address: str) -> Place | None:
        record: Any = self._database.get_all(address)
        if record is None or len(record.country_short) > 2:
            return None  # a sentence: not an address, or one of version 6 in a file of version 4
        return Place(
            record.country_short,
            self._given(record.country_long),
            self._given(record.region),
            self._given(record.city),
            self._given(record.latitude),
            self._given(record.longitude),
        )

    def _given(self, value: str) -> str | None:
        return None if value == self._unavailable else value


class _MaxMind:
    """A database of MaxMind, of cities or of countries; names are the English ones."""

    def __init__(self, path: Path) -> None:
        try:
            import maxminddb  # noqa: PLC0415 - few need it
        except ImportError as error:
            raise ValueError(MISSING) from error
        try:
            self._database = maxminddb.open_database(path)
        except maxminddb.InvalidDatabaseError as error:
            raise ValueError("it is damaged: MaxMind's reader does not open it") from error

    def find(self, address: str) -> Place | None:
        try:
            found: Any = self._database.get(address)
        except ValueError:  # one of version 6 in a database of version 4
            return None
        if not isinstance(found, dict):
            return None
        country, location = found.get("country") or {}, found.get("location") or {}
        region = next(iter(found.get("subdivisions") or ()), {})
        return Place(
            country.get("iso_code"),
            _english(country),
            _english(region),
            _english(found.get("city") or {}),
            _degrees(location.get("latitude")),
            _degrees(location.get("longitude")),
        )


def _english(named: dict[str, Any]) -> str | None:
    name = (named.get("names") or {}).get("en")
    return name if isinstance(name, str) else None


def _degrees(value: float | None) -> str | None:
    return None if value is None else f"{value:.6f}"
