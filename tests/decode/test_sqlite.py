"""Databases of the netobserv CLI, with the table as it makes it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.decode.sqlite import chunks, is_database
from tests.support.recordings import cli_database

FLOW = {"SrcAddr": "10.128.0.14", "DstAddr": "10.128.2.7", "SrcPort": 40000, "DstPort": 443}


def test_a_row_is_an_object_with_the_fields_that_it_has(tmp_path: Path) -> None:
    """Of the table's own order; a column that is called otherwise has the field's name."""
    file = tmp_path / "flows.db"
    cli_database(file, [FLOW | {"Proto": 6, "TimeFlowRTTNs": 1500}, FLOW | {"DnsName": "ä"}])
    assert is_database(file)
    assert [list(map(json.loads, run)) for run in chunks(file, 1)] == [
        [FLOW | {"Proto": 6, "TimeFlowRttNs": 1500}],
        [FLOW | {"DnsName": "ä"}],
    ]
    assert [len(run) for run in chunks(file, 5)] == [2]


def test_a_text_that_is_not_utf_8_and_bytes_are_read(tmp_path: Path) -> None:
    file = tmp_path / "flows.db"
    cli_database(file, [FLOW])
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE flow SET DnsName = CAST(x'ff41' AS TEXT), SrcAddr = x'ff42'")
        database.commit()
    [[payload]] = chunks(file, 9)
    assert json.loads(payload) == FLOW | {"DnsName": "\ufffdA", "SrcAddr": "\ufffdB"}


def test_another_database_and_a_damaged_one_are_named(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE other (a TEXT)")
    with pytest.raises(OSError, match=r"other\.db: .*no such table: flow"):
        list(chunks(file, 9))
    damaged = tmp_path / "damaged.db"
    cli_database(damaged, [FLOW] * 2000)
    data = damaged.read_bytes()
    damaged.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(OSError, match=r"damaged\.db: the database of flows cannot be read: "):
        list(chunks(damaged, 9))
    (tmp_path / "text").write_text("{}")
    assert not is_database(tmp_path / "text")


@pytest.mark.parametrize("lost", [1, 3000, 100_000])
def test_a_database_that_is_cut_has_no_flow(tmp_path: Path, lost: int) -> None:
    """SQLite takes what is missing of the last page for rows in which nothing stands."""
    file = tmp_path / "flows.db"
    cli_database(file, [FLOW] * 2000)
    whole = file.read_bytes()
    file.write_bytes(whole[:-lost])
    with pytest.raises(OSError, match=r"flows\.db: the database of flows is cut: [0-9,]+ of "):
        list(chunks(file, 9))
    file.write_bytes(whole)
    assert sum(map(len, chunks(file, 9))) == 2000


def test_reading_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "flows.db"
    cli_database(file, [FLOW])
    before = file.read_bytes()
    list(chunks(file, 9))
    assert file.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["flows.db"]
