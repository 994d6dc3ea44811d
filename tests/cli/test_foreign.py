"""Parquet files of others: what is no flow's is refused with file and column."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.support.commands import flowmatrix

FORMS = [
    ["--format", "table"],
    ["--format", "csv"],
    ["--format", "jsonl"],
    ["-q", "Bytes > 0"],
    ["--top", "1"],
]


def file(folder: Path, **columns: pl.Series) -> Path:
    """A file of one flow; `over_` stands for U+001F."""
    path = folder / "f.parquet"
    named = {name.replace("over_", "\x1f"): column for name, column in columns.items()}
    pl.DataFrame({"SrcAddr": ["10.0.0.1"], **named}).write_parquet(path)
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{1: 2}", "a value cannot be read: JSON is malformed: object keys must be strings"),
        ("", "a value cannot be read: Input data was truncated"),
        ("[" * 100_000 + "]" * 100_000, "it has JSON that is nested too deeply"),
        ("9" * 6000, "a value cannot be read: Integer value out of range"),
    ],
)
def test_text_that_is_not_json(tmp_path: Path, text: str, said: str, form: list[str]) -> None:
    path = file(tmp_path, over_Bytes=pl.Series([text]))
    done = flowmatrix("flows", path, *form)
    assert done.exit_code == 1
    assert "10.0.0.1" not in done.stdout
    assert done.stderr.startswith(f'error: {path}: column "\\u001fBytes": {said}')
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pl.Series([b"\xff\xfe"]), "it has bytes that are not text in UTF-8"),
        (pl.Series([[b"a"]]), "its type is List(Binary), and no field has bytes"),
        (pl.Series([{"a": b"a"}]), "its type is Struct({'a': Binary}), and no field has bytes"),
    ],
)
def test_bytes(tmp_path: Path, column: pl.Series, said: str, form: list[str]) -> None:
    path = file(tmp_path, Bytes=column)
    done = flowmatrix("flows", path, *form)
    assert (done.exit_code, done.stderr) == (1, f'error: {path}: column "Bytes": {said}\n')


def test_bytes_that_are_text_are_a_text(tmp_path: Path) -> None:
    path = file(tmp_path, DstAddr=pl.Series(["10.0.0.2 é".encode()]))
    done = flowmatrix("flows", path, "-q", 'DstAddr =~ "é$"', "--format", "jsonl")
    assert json.loads(done.stdout) == {"SrcAddr": "10.0.0.1", "DstAddr": "10.0.0.2 é"}


def test_durations_are_texts(tmp_path: Path) -> None:
    path = file(tmp_path, DstAddr=pl.Series([timedelta(seconds=3)]))
    for form in FORMS[:3]:
        done = flowmatrix("flows", path, *form)
        assert (done.exit_code, "PT3S" in done.stdout) == (0, True)


@pytest.mark.parametrize("form", FORMS)
def test_odd_values_of_another_type(tmp_path: Path, form: list[str]) -> None:
    done = flowmatrix("flows", file(tmp_path, over_Bytes=pl.Series([True])), *form)
    assert done.exit_code == 1
    assert 'column "\\u001fBytes": its type is Boolean, and not text in JSON' in done.stderr


def test_odd_values_alone_are_printed(tmp_path: Path) -> None:
    """A field may have no column but that of its odd values."""
    done = flowmatrix("flows", file(tmp_path, over_Bytes=pl.Series(['"x"'])), "--format", "jsonl")
    assert json.loads(done.stdout) == {"SrcAddr": "10.0.0.1", "Bytes": "x"}


def test_a_column_that_is_not_asked_for_is_not_looked_at(tmp_path: Path) -> None:
    path = file(tmp_path, Foreign=pl.Series([b"\xff"]))
    done = flowmatrix("flows", path, "-c", "SrcAddr", "--format", "csv")
    assert (done.exit_code, done.stdout) == (0, "SrcAddr\n10.0.0.1\n")
