"""Servers that answer with what no worker says: an error for each, and no traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from pipeline.api import client
from pipeline.cli import top
from pipeline.stage.edge_facts import ATTRIBUTES, EDGES
from tests.support.commands import flowmatrix
from tests.support.hostile import answered, hostile

pytestmark = pytest.mark.slow
FAMILY = {"name": "flows", "kind": "counter", "labels": ["ns"]}
COLUMNS = ["ns", ":value", ":first_seen", ":last_seen", ":updated"]


def totals(rows: Any, family: Any = FAMILY, columns: Any = COLUMNS) -> bytes:
    families = [{"family": family, "columns": columns, "rows": rows}]
    return json.dumps({"partitions": [], "topics": {}, "families": families}).encode()


BODIES = {
    "nothing": b"",
    "half": totals([["x", 1, 1, 1, 1]])[:-9],
    "text": b"<html>\x1b]0;x\x07 not found",
    "binary": bytes(range(256)),
    "null": b"null",
    "list": b"[]",
    "deep": b"[" * 100_000,
    "nan": totals([["x", float("nan"), 1, 1, 1]]),
    "late": totals([["x", 1, 1e308, 1e308, 1e308]]),
    "early": totals([["x", 1, -1e308, -1e308, -1e308]]),
    "huge": totals([["x", 1e308, 1, 1, 1]]),
    "number": totals([["x", 10**400, 1, 1, 1]]),
    "types": totals([[1, "x", "y", [], {}]]),
    "short": totals([["x"]]),
    "rows": totals({"x": 1}),
    "columns": totals([["x", 1, 1, 1, 1]], columns=["a", "a", "a", "a", "a"]),
    "twice": totals([], family={**FAMILY, "labels": ["ns", "ns"]}),
    "kind": totals([], family={**FAMILY, "kind": "colour"}),
    "partition": b'{"partitions":[{"topic":1}],"topics":{},"families":[]}',
    "missing": b'{"partitions":[],"topics":{"t":1000000000},"families":[]}',
    "items": b'{"apiVersion":"v1","kind":"List","warnings":[],"items":[{"kind":"Pod"},7]}',
    "lines": b'{"address":"x","found":true,"lines":[["a"]]}',
}


class Endless:
    """An answer without end, for each who asks."""

    def __iter__(self) -> Iterator[bytes]:
        return chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b"[" * 65_536))


def asked(url: str, folder: Path) -> list[list[object]]:
    return [
        ["top", "--once", "--interval", "0.1", "--server", url],
        ["matrix", "--server", url],
        ["matrix", "approve", "--server", url],
        ["who", "10.0.0.1", "--server", url],
        ["inventory", "--out", folder / "x.json", "--server", url],
    ]


@pytest.mark.parametrize("name", BODIES)
def test_an_answer_that_is_none(name: str, tmp_path: Path) -> None:
    with hostile([answered(BODIES[name])]) as url:
        for command in asked(url, tmp_path):
            done = flowmatrix(*command)
            assert isinstance(done.exception, SystemExit), (command, done.exception)
            assert done.exit_code == 1, (command, done.output)
            assert "\x1b]" not in done.output


@pytest.mark.parametrize(
    "sample",
    [
        "stage_flows_in NaN",
        'stage_flows_in{stage="a"} NaN',
        'stage_flows_in{stage="a"} 1e308',
        'stage_flows_in{stage="a"} -Inf',
        'stage_flows_in{stage="a"} many',
        "stage_flows_in{} 1",
        'stage_flows_in{stage="a"} 1\nkafka_offset{topic="t"} 1',
        'stage_flows_in{stage="a"} 1\nkafka_offset{topic="t",partition="x"} 1',
        f'stage_flows_in{{stage="a"}} 1\nkafka_offset{{topic="t",partition="{"9" * 5_000}"}} 1',
        'stage_flows_in{stage="a"} 1\nkafka_checkpoint_age_seconds{topic="t",partition="0"} NaN',
    ],
)
def test_self_metrics_that_no_worker_shows(sample: str) -> None:
    with hostile([answered(f"{sample}\n".encode())]) as url:
        done = flowmatrix("top", "--once", "--interval", "0.1", "--server", url)
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 1


def test_an_answer_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LARGEST", 1 << 20)
    monkeypatch.setattr(top, "_LARGEST", 1 << 20)
    with hostile(Endless()) as url:
        for command in asked(url, tmp_path):
            done = flowmatrix(*command)
            assert (done.exit_code, type(done.exception)) == (1, SystemExit), command
            assert "its answer is longer than 1 MB" in done.stderr


@pytest.mark.parametrize("cell", [None, 2**62, 1e308])
def test_edges_that_no_worker_has_counted(cell: object) -> None:
    """A label, each fact and each time of both families with this in it."""
    for family in (EDGES, ATTRIBUTES):
        names = [*family.labels, *(name for name, _ in family.facts)]
        names += [":first_seen", ":last_seen", ":updated"]
        for place in range(len(family.labels) - 1, len(names)):
            row: list[object] = ["x"] * len(family.labels)
            row += [1] * (len(names) - len(row))
            row[place] = cell
            facts = [[name, rule.value] for name, rule in family.facts]
            told = {"name": family.name, "kind": None, "labels": family.labels, "facts": facts}
            other = {**told, "name": EDGES.name, "labels": EDGES.labels}
            body = json.loads(totals([row], family=told, columns=names))
            if family is not EDGES:
                other["facts"] = [[name, rule.value] for name, rule in EDGES.facts]
                columns = [*EDGES.labels, *(name for name, _ in EDGES.facts), *names[-3:]]
                body["families"].append({"family": other, "columns": columns, "rows": []})
            with hostile([answered(json.dumps(body).encode())]) as url:
                done = flowmatrix("matrix", "--server", url)
            assert done.exception is None or isinstance(done.exception, SystemExit), (
                names[place],
                done.exception,
            )
