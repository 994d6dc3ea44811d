"""Edges of a file that `matrix --format jsonl` has printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from matrix import edge_file
from pipeline.diagnostics import ConfigError
from tests.support.edge_rows import edge, frame

ROWS = frame(edge("shop/web", "shop/db", 5432), edge("1.1.1.1", "shop/web", "ICMP"))


def refused(folder: Path, second: str) -> str:
    """What is said of a file with a line that is an edge, a blank line, and this one."""
    file = folder / "edges.jsonl"
    file.write_text(f"{ROWS.write_ndjson().splitlines()[0]}\n\n{second}\n")
    with pytest.raises(ConfigError) as caught:
        edge_file.load(file)
    return str(caught.value).replace(f"{folder}/", "")


def test_edges_come_back_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "edges.jsonl").write_text(ROWS.write_ndjson())
    assert edge_file.load(tmp_path / "edges.jsonl").equals(ROWS)
    (tmp_path / "none.jsonl").write_bytes(b"")
    assert edge_file.load(tmp_path / "none.jsonl").equals(frame())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("port", -5, "expected int >= 1, got -5"),
        ("port", 99_999, "expected int <= 65535, got 99999"),
        ("port", "80", "expected int or nothing, got text"),
        ("protocol", "TCPX", 'TCP, UDP, ICMPv6, SCTP or a number up to 255, got "TCPX"; did you'),
        ("protocol", "256", 'a number up to 255, got "256"'),
        ("bytes", -1, "expected int >= 0, got -1"),
        ("bytes", 2**70, "expected int, got number"),
        ("flows", True, "expected int, got true or false"),
        ("flows", None, "expected int, got nothing"),
        ("evidence", "magic", 'unknown value "magic"; one of syn, '),
        ("state", "estblished", 'unknown value "estblished"; did you mean "established"?'),
        ("first_seen", -1.0, "expected number >= 0.0"),
        ("last_seen", 1e300, "expected number <= "),
        ("days", ["a", 1], "expected text, got int"),
    ],
)
def test_a_value_that_no_edge_has(tmp_path: Path, name: str, value: object, message: str) -> None:
    """It is refused with line, column and field: a port in quotes was taken for none."""
    line = json.dumps({**json.loads(ROWS.write_ndjson().splitlines()[1]), name: value})
    said = refused(tmp_path, line)
    column = line.index(f'"{name}":') + len(name) + 5
    assert said.startswith("edges.jsonl:3:")
    assert f"error: field {name}" in said
    assert message in said
    if name != "days":
        assert said.startswith(f"edges.jsonl:3:{column}:")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"Bytes": 1}',
            ':3:2: error: field Bytes: unknown field; did you mean "bytes"?',
        ),
        ('{"client_kind": "Pod"}', 'edges.jsonl:3:1: error: missing field "client_namespace"'),
        ("no json", "edges.jsonl:3:1: error: expected mapping, got text"),
        ("{", "edges.jsonl:3:1: error: the line is not JSON: "),
        ("[1]", "edges.jsonl:3:1: error: expected mapping, got list"),
    ],
)
def test_a_line_that_is_something_else(tmp_path: Path, line: str, message: str) -> None:
    assert message in refused(tmp_path, line)


def test_bytes_that_are_not_a_text(tmp_path: Path) -> None:
    (tmp_path / "edges.jsonl").write_bytes(b'\n\n"\xff"')
    with pytest.raises(ConfigError, match=r"edges\.jsonl:3:1: error: the line is not JSON: "):
        edge_file.load(tmp_path / "edges.jsonl")
