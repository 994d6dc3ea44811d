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

from pipeline.files import bounded, naming

MISSING = "install flowmatrix[location] to read it"
_MAXMIND = b"\xab\xcd\xefMaxMind.com"
_METADATA = 128 * 1024
"""Bytes at the end of a database of MaxMind that have its metadata."""
_MOST = 1 << 32
"""Bytes of a database that is read, also out of a zip file."""
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
    with bounded(path, _MOST).open("rb") as file, NamedTemporaryFile() as copy:
        if zipfile.is_zipfile(file):
            _unpack(file, copy)
        else:
            file.seek(0)
            _copy(file, copy)
        return _told(Path(copy.name))


def _unpack(file: IO[bytes], copy: IO[bytes]) -> None:
    """The first BIN file of a zip file, as the original expects it."""
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.upper().endswith(".BIN")]
        if not names:
            raise ValueError("the zip file has no BIN file")
        if archive.getinfo(names[0]).file_size > _MOST:
            raise ValueError(f"the BIN file in it is longer than {_MOST} bytes")
        with archive.open(names[0]) as packed:
            _copy(packed, copy)


def _copy(file: IO[bytes], copy: IO[bytes]) -> None:
    with naming(Path(copy.name)):
        shutil.copyfileobj(file, copy)
        copy.flush()


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
    """A database of MaxMind, of cities or of countries; names are the English ones.

    Others keep their own data in such files, with plain texts for `country_code`, `country_name`,
    `region` and `city`.
    """

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
        country, location = _part(found, "country"), _part(found, "location") or found
        regions = found.get("subdivisions")
        region = regions[0] if isinstance(regions, list) and regions else found.get("region")
        return Place(
            _text(country.get("iso_code") or found.get("country_code") or found.get("country")),
            _name(country or found.get("country_name")),
            _name(region),
            _name(found.get("city")),
            _degrees(location.get("latitude")),
            _degrees(location.get("longitude")),
        )


def _part(found: dict[str, Any], name: str) -> dict[str, Any]:
    part = found.get(name)
    return part if isinstance(part, dict) else {}


def _name(named: object) -> str | None:
    """The English name of what has some; a text is one."""
    names = named.get("names") if isinstance(named, dict) else None
    return _text(names.get("en") if isinstance(names, dict) else named)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _degrees(value: object) -> str | None:
    return f"{value:.6f}" if isinstance(value, int | float) else None
