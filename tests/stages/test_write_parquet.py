"""What write_parquet keeps, where, and which folders are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.parquet.storage import Storage
from pipeline.stage import BuildContext
from pipeline.testing import assert_laws, frame, rows
from stages.write_parquet import WriteParquet


def test_every_field_or_some() -> None:
    """Odd values stay beside their field."""
    flows: list[dict[str, Any]] = [
        {"SrcAddr": "10.0.0.1", "Bytes": "many"},
        {"Bytes": 7, "Packets": 1},
    ]
    whole = WriteParquet(name="raw", follows="in", folder="f")
    some = WriteParquet(name="raw", follows="in", folder="f", fields=["Bytes", "Proto"])
    assert whole.reads() is None
    assert some.reads() == frozenset({"Bytes", "Proto"})
    written = [stage.build(BuildContext())(frame(flows)) for stage in (whole, some)]
    assert all(isinstance(one, pl.DataFrame) for one in written)
    assert [rows(one) for one in written if isinstance(one, pl.DataFrame)] == [
        flows,
        [{"Bytes": "many"}, {"Bytes": 7}],
    ]
    assert_laws(some, flows, 1)


def test_its_storage(tmp_path: Path) -> None:
    stage = WriteParquet(name="raw", follows="in", folder="f", every="1m", max_age="1h")
    assert stage.storage(tmp_path) == Storage(
        folder=tmp_path / "f", every=60.0, flows=1_000_000, max_bytes=10 << 30, max_age=3600.0
    )


@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_a_folder_that_is_a_file(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    stage = WriteParquet(name="raw", follows="in", folder=folder)
    (problem,) = stage.check(tmp_path)
    assert problem.message == f"{tmp_path / 'file'} is a file, not a folder"


def test_it_names_its_fields(tmp_path: Path) -> None:
    stage = WriteParquet(name="raw", follows="in", folder="f", fields=["SrcAddr", "Tenant"])
    assert list(stage.named()) == [(("fields", 0), "SrcAddr"), (("fields", 1), "Tenant")]
    assert not list(stage.check(tmp_path))
