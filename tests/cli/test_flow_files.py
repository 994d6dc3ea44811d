"""Flows of every form of file are the same flows."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.flow_files import FlowFiles, Wanted, found
from pipeline.predicate import query
from pipeline.testing import frame, rows
from simulate import Format, Simulation, simulate
from tests.support.kept import parquet

FLOWS: list[dict[str, Any]] = [
    {"SrcAddr": "10.0.0.1", "SrcPort": 40000, "Bytes": 7, "TimeFlowEndMs": 1_000},
    {"SrcAddr": "10.0.0.2", "Bytes": "many", "TimeReceived": 2},
    {"SrcAddr": "10.0.0.3", "Flags": ["SYN"], "TimeFlowEndMs": 0, "TimeReceived": 3},
    {"SrcAddr": "10.0.0.4"},
]


def lines(path: Path, flows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(flow) + "\n" for flow in flows))
    return path


def read(path: Path, **wanted: Any) -> list[dict[str, Any]]:
    return [flow for part in FlowFiles([path]).frames(Wanted(**wanted)) for flow in rows(part)]


@pytest.fixture(params=["parquet", "jsonl", "gz", "database"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """FLOWS in one of the forms."""
    if request.param == "parquet":
        return parquet(tmp_path / "a.parquet", frame(FLOWS[:1]), frame(FLOWS[1:]))
    path = lines(tmp_path / "a.jsonl", FLOWS)
    if request.param == "gz":
        (tmp_path / "a.gz").write_bytes(gzip.compress(path.read_bytes()))
        return tmp_path / "a.gz"
    return path if request.param == "jsonl" else database(tmp_path / "a.db")


def database(path: Path) -> Path:
    names = ["SrcAddr", "SrcPort", "Bytes", "Flags", "TimeFlowEndMs", "TimeReceived"]
    flows = [{**flow, "Flags": flow.get("Flags") and "[SYN]"} for flow in FLOWS]
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"CREATE TABLE flow ({', '.join(names)})")
        made.executemany(
            f"INSERT INTO flow VALUES ({', '.join('?' * len(names))})",  # noqa: S608 - names of ours
            [tuple(flow.get(name) for name in names) for flow in flows],
        )
        made.commit()
    return path


def test_the_same_flows(file: Path) -> None:
    """Without a time that no one has written."""
    wanted = [{**flow} for flow in FLOWS]
    if file.suffix == ".db":
        wanted[2]["Flags"] = "[SYN]"
    assert read(file) == wanted


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("SrcPort = 40000", [1]),
        ('Bytes = "many" or with(SrcPort)', [1, 2]),
        ("without(Bytes)", [3, 4]),
        ('SrcAddr in "10.0.0.2/31"', [2, 3]),
    ],
)
def test_queries(file: Path, text: str, kept: list[int]) -> None:
    found_ = read(file, query=query.parse(text), fields=frozenset({"SrcAddr"}))
    assert [int(flow["SrcAddr"][-1]) for flow in found_] == kept


@pytest.mark.parametrize(
    ("since", "until", "kept"),
    [(2, None, [2, 3]), (None, 2, [1]), (1, 3, [1, 2]), (None, None, [1, 2, 3, 4])],
)
def test_times(file: Path, since: float | None, until: float | None, kept: list[int]) -> None:
    """The end of a flow, or when it was received where no agent knew it."""
    assert [int(f["SrcAddr"][-1]) for f in read(file, since=since, until=until)] == kept


def test_only_the_fields_that_are_asked_for(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", frame([{"A": 1, "B": "x", "Bytes": "odd", "C": 2}]))
    (flow,) = read(path, fields=frozenset({"A", "Bytes"}))
    assert flow == {"A": 1, "Bytes": "odd"}
    assert FlowFiles([path]).names() == {"A", "B", "Bytes", "C"}


def test_a_file_without_the_wanted_fields_has_its_flows(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", frame([{"Dscp": 1}, {"Dscp": 2, "Etype": 3}]))
    assert read(path, fields=frozenset({"SrcAddr"})) == [{"Dscp": 1}, {"Dscp": 2, "Etype": 3}]
    two = {"query": query.parse("Dscp = 2"), "fields": frozenset({"SrcAddr"})}
    assert read(path, **two) == [{"Dscp": 2, "Etype": 3}]


def test_a_recording_of_an_agent(tmp_path: Path) -> None:
    """protobuf and JSON of the same simulation have the same flows."""
    made = [
        simulate("reference", tmp_path / f"r.{form}", form=form)
        for form in (Format.PROTOBUF, Format.JSON)
    ]
    fields = frozenset({"SrcAddr", "DstAddr", "SrcPort", "Bytes", "TimeFlowEndMs"})
    one, other = (read(each.recording, fields=fields) for each in made)
    assert len(one) == 4706
    assert one == other


def test_what_is_rejected_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"SrcAddr": "10.0.0.1"}\nno flow\n{"SrcAddr": "10.0.0.2"}\n')
    files = FlowFiles([path])
    assert sum(part.height for part in files.frames(Wanted())) == files.read == 2
    assert files.rejected.total() == 1


def test_a_folder_stands_for_its_finished_files(tmp_path: Path, made: Simulation) -> None:
    for name in ("b", "a"):
        parquet(tmp_path / f"{name}.parquet", frame(FLOWS))
    lines(tmp_path / "other.jsonl", FLOWS)
    (tmp_path / ".flows-x.spool").write_bytes(b"half")
    assert found([tmp_path, made.recording]) == [
        tmp_path / "a.parquet",
        tmp_path / "b.parquet",
        made.recording,
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a", b"stages:\n- {name: a}\n", "has no flows"),
        ("a.parquet", b"PAR1 and nothing of it", "a.parquet: "),
        ("a.parquet", b"", "a.parquet: "),
        ("a.parquet", b"stages: []", "a.parquet: "),
        ("a", None, "No such file"),
    ],
)
def test_what_is_not_flows_is_named(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OSError, match=said) as raised:
        list(FlowFiles(found([path])).frames(Wanted()))
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("content", [b"", b'{"SrcAddr": "10.0.0.1"}'])
def test_what_is_no_parquet_in_a_folder_is_named(tmp_path: Path, content: bytes) -> None:
    """Files of a folder are Parquet: one that is empty or of another kind is no recording."""
    parquet(tmp_path / "a.parquet", frame(FLOWS))
    (tmp_path / "b.parquet").write_bytes(content)
    files = FlowFiles(found([tmp_path]))
    with pytest.raises(OSError, match=r"b\.parquet: parquet: File out of specification"):
        list(files.frames(Wanted()))
    with pytest.raises(OSError, match=r"b\.parquet: "):
        files.names()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_in_a_folder_is_named(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A pipe is not waited for."""
    parquet(tmp_path / "a.parquet", frame(FLOWS))
    make(tmp_path / "b.parquet")
    files = FlowFiles(found([tmp_path]))
    with pytest.raises(OSError, match="not a regular file") as raised:
        list(files.frames(Wanted()))
    assert raised.value.filename == str(tmp_path / "b.parquet")
    with pytest.raises(OSError, match="not a regular file"):
        files.names()


def test_a_folder_without_files(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="has no Parquet file"):
        found([tmp_path])
