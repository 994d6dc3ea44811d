from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import BuildContext, Step
from pipeline.stage.address_field import AddressField
from pipeline.stage.built import BuiltStage
from pipeline.testing import assert_laws
from stages.location.databases import Database, opened
from stages.location.stage import Location
from tests.stages.flows import run
from tests.support import ip2location
from tests.support.ip2location import Range

FIRST = Range("0.0.0.0")  # noqa: S104 - the first of all addresses
IRELAND = Range("3.5.0.0", "IE", "Ireland", "Leinster", "Dublin", 53.5, -6.25)
FRANCE = Range("3.5.0.0", "FR", "France", "Paris", "Paris", 48.5, 2.25)
LAST = Range("3.6.0.0")
FIELDS = ("CountryName", "CountryLongName", "RegionName", "CityName", "Latitude", "Longitude")


def database(folder: Path, place: Range = IRELAND) -> None:
    (folder / "places.BIN").write_bytes(ip2location.database([FIRST, place, LAST]))


def built(folder: Path, **settings: object) -> BuiltStage:
    database(folder)
    stage = Location(name="l", file="places.BIN", ends=[AddressField("A", "L")])
    return stage.build(BuildContext(folder=folder, **settings))  # type: ignore[arg-type] # of tests


def step(folder: Path, **settings: object) -> Step:
    return built(folder, **settings)


def test_all_fields_of_a_place(tmp_path: Path) -> None:
    (flow,) = run(step(tmp_path), [{"A": "3.5.204.7"}])
    assert [flow[f"L_{field}"] for field in FIELDS] == [
        *("IE", "Ireland", "Leinster", "Dublin", "53.500000", "-6.250000")
    ]


@pytest.mark.parametrize("address", ["2a00::1", "nonsense", "", 5, None, "3.5.204"])
def test_without_a_place_the_outputs_stay_as_they_are(tmp_path: Path, address: object) -> None:
    (flow,) = run(step(tmp_path), [{"A": address, "L_CityName": "kept"}])
    assert {name: value for name, value in flow.items() if name.startswith("L_")} == {
        "L_CityName": "kept"
    }


def test_an_address_in_another_form_is_the_same(tmp_path: Path) -> None:
    (flow,) = run(step(tmp_path), [{"A": "::ffff:3.5.204.7"}])
    assert flow["L_CityName"] == "Dublin"


def test_flows_without_the_field(tmp_path: Path) -> None:
    assert run(step(tmp_path), [{"B": 1}]) == [{"B": 1}]


def test_only_what_is_read_is_written(tmp_path: Path) -> None:
    (flow,) = run(step(tmp_path, needed=frozenset({"L_CityName"})), [{"A": "3.5.204.7"}])
    assert flow == {"A": "3.5.204.7", "L_CityName": "Dublin"}


ADDRESSES = st.sampled_from(["3.5.0.1", "10.0.0.1", "x", "2a00::1", None])


@given(st.lists(ADDRESSES, min_size=1, max_size=9), st.integers(0, 9))
def test_laws(
    tmp_path_factory: pytest.TempPathFactory, addresses: list[str | None], cut: int
) -> None:
    made = step(tmp_path_factory.mktemp("laws"))
    assert_laws(made, [{"A": address} for address in addresses], cut)


def test_check(tmp_path: Path) -> None:
    database(tmp_path)
    assert list(Location(name="l", file="places.BIN").check(tmp_path)) == []
    (missing,) = Location(name="l", file="place.BIN").check(tmp_path)
    assert (missing.path, missing.message) == (("file",), 'no file "place.BIN"')
    assert missing.hint == 'did you mean "places.BIN"?'
    (tmp_path / "text.BIN").write_text("text")
    (other,) = Location(name="l", file="text.BIN").check(tmp_path)
    assert "neither a BIN file of IP2Location nor a database of MaxMind" in other.message
    ends = [AddressField("A", "L"), AddressField("", "L")]
    found = list(Location(name="l", file="places.BIN", ends=ends).check(tmp_path))
    assert [(p.path, p.severity) for p in found] == [
        (("ends", 1, "input"), "error"),
        (("ends", 1, "output"), "warning"),
    ]


def test_another_database_is_looked_up_anew(tmp_path: Path) -> None:
    """A job whose file was replaced asks the new one, and counting goes on."""
    stage = built(tmp_path)
    assert stage.fingerprint is not None
    before = stage.fingerprint()
    database(tmp_path, FRANCE)
    os.utime(tmp_path / "places.BIN", ns=(1, 1))
    assert stage.fingerprint() != before
    assert run(stage, [{"A": "3.5.204.7"}])[0]["L_CityName"] == "Dublin"
    assert run(step_of(tmp_path), [{"A": "3.5.204.7"}])[0]["L_CityName"] == "Paris"


def step_of(folder: Path) -> Step:
    stage = Location(name="l", file="places.BIN", ends=[AddressField("A", "L")])
    return stage.build(BuildContext(folder=folder))


def test_a_database_is_opened_once_for_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is checked and built, and built again for who looks at flows: to copy it takes seconds."""
    database(tmp_path)
    found: list[Path] = []

    def counted(path: Path) -> Database:
        found.append(path)
        return opened(path)

    monkeypatch.setattr("stages.location.stage.opened", counted)
    place = Location(name="l", file="places.BIN", ends=[AddressField("A", "L")])
    assert list(place.check(tmp_path)) == []
    for _ in range(2):
        place.build(BuildContext(folder=tmp_path))
    assert found == [tmp_path / "places.BIN"]
