from __future__ import annotations

import builtins
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stages.location.databases import Place, opened
from tests.support import ip2location, maxmind
from tests.support.ip2location import Range

DUBLIN = Place("IE", "Ireland", "Leinster", "Dublin", "53.343990", "-6.267190")
RANGES = [
    Range("0.0.0.0"),  # noqa: S104 - the first of all addresses
    Range("3.5.0.0", "IE", "Ireland", "Leinster", "Dublin", 53.34399, -6.26719),
    Range("3.6.0.0"),
]
SIX = [
    Range("::"),
    Range("2a00::", "DE", "Germany", "Berlin", "Berlin", 52.5, 13.4),
    Range("2b00::"),
]
RECORD: dict[str, Any] = {
    "country": {"iso_code": "IE", "names": {"en": "Ireland", "de": "Irland"}},
    "subdivisions": [{"names": {"en": "Leinster"}}, {"names": {"en": "Other"}}],
    "city": {"names": {"en": "Dublin"}},
    "location": {"latitude": 53.34399, "longitude": -6.26719},
}


def written(folder: Path, content: bytes, name: str = "places") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_bin_file(tmp_path: Path) -> None:
    """A private address has dashes there, as the original writes them."""
    database = opened(written(tmp_path, ip2location.database([*RANGES, *SIX])))
    assert database.find("3.5.204.7") == DUBLIN
    assert database.find("3.6.0.0") == Place("-", "-", "-", "-", "0.000000", "0.000000")
    assert database.find("2a00::1") == Place(
        *("DE", "Germany", "Berlin", "Berlin"), "52.500000", "13.400000"
    )


def test_a_bin_file_of_ipv4_alone_knows_nothing_of_ipv6(tmp_path: Path) -> None:
    assert opened(written(tmp_path, ip2location.database(RANGES))).find("2a00::1") is None


def test_what_a_bin_file_has_not_is_absent(tmp_path: Path) -> None:
    """Of a file with countries alone; the original writes a sentence that says so."""
    database = opened(written(tmp_path, ip2location.database(RANGES, kind=1)))
    assert database.find("3.5.204.7") == Place("IE", "Ireland", None, None, None, None)


def test_a_zip_file_with_a_bin_file(tmp_path: Path) -> None:
    path = tmp_path / "location.db"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("LICENSE.TXT", "text")
        archive.writestr("IP2LOCATION-LITE-DB9.BIN", ip2location.database(RANGES))
    assert opened(path).find("3.5.204.7") == DUBLIN


def test_a_database_of_maxmind(tmp_path: Path) -> None:
    german = {"country": {"iso_code": "DE"}}
    places: Mapping[str, Any] = {"3.5.0.0/16": RECORD, "2a00::/12": german}
    database = opened(written(tmp_path, maxmind.database(places)))
    assert database.find("3.5.204.7") == DUBLIN
    assert database.find("10.0.0.1") is None
    assert database.find("2a00::1") == Place("DE", None, None, None, None, None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"stages: []\n",
        b"\xff" * 100,
        b"\xab\xcd\xefMaxMind.com",
        b"x" * 50 + b"\xab\xcd\xefMaxMind.com" + b"\xe0" * 9,
        ip2location.database(RANGES)[:31],
        ip2location.database(RANGES * 9)[:200],
    ],
)
def test_what_is_not_a_database_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        opened(written(tmp_path, content))


def test_a_zip_file_without_a_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    with pytest.raises(ValueError, match="the zip file has no BIN file"):
        opened(path)


@pytest.mark.parametrize(
    ("library", "content"),
    [
        ("IP2Location", ip2location.database(RANGES)),
        ("maxminddb", maxmind.database({"::/1": RECORD})),
    ],
)
def test_without_its_library_a_database_is_refused(
    tmp_path: Path, library: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == library:
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"install flowmatrix\[location\] to read it"):
        opened(written(tmp_path, content))
