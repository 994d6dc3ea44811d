"""TOML as plain data."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.diagnostics import ConfigError, Location
from pipeline.yaml import toml


def test_a_file_is_told_by_its_name() -> None:
    assert toml.is_toml(Path("a.toml"))
    assert toml.is_toml(Path("A.TOML"))
    assert not toml.is_toml(Path("toml"))
    assert not toml.is_toml(Path("a.toml.yaml"))


def test_values_are_those_of_json_and_places_are_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('a = 1\n[[b]]\nc = [true, "x", 1.5]\nd = 2026-08-21T17:39:07Z\n')
    document = toml.read(path)
    moment = "2026-08-21 17:39:07+00:00"
    assert document.data == {"a": 1, "b": [{"c": [True, "x", 1.5], "d": moment}]}
    assert document.place(("b", 0, "c")) == Location(str(path))


@pytest.mark.parametrize("text", ["a = ", "[a\n", "a = 1\na = 2\n", "a = " + "[" * 10_000])
def test_what_is_not_toml_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"a\.toml: error: invalid TOML: "):
        toml.read(path)
