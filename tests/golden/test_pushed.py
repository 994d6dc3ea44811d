"""What flowlogs-pipeline pushed to a server for its golden case, and what this engine pushes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.real.push_receiver import PushReceiver
from tests.support.commands import flowmatrix

HERE = Path(__file__).parent


def test_loki(push_receiver: PushReceiver, tmp_path: Path) -> None:
    """Labels, lines and times; a line without a usable time has that of the sending."""
    case = HERE / "write-loki"
    written: dict[str, Any] = yaml.safe_load((case / "config.yaml").read_text())
    (loki,) = (one["write"]["loki"] for one in written["parameters"] if "write" in one)
    loki["url"] = push_receiver.url
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(written))
    push_receiver.answer()
    done = flowmatrix("run", file, "--once", "--input", case / "flows.jsonl")
    assert done.exit_code == 0, done.stderr
    (got,) = push_receiver.received(1)
    assert (got.path, got.headers["x-scope-orgid"]) == ("/loki/api/v1/push", "team")
    lines = [
        {"labels": stream["labels"], "ns": entry["ns"], "line": json.loads(entry["line"])}
        for stream in got.body
        for entry in stream["entries"]
    ]
    expected = (case / "expected.pushed.jsonl").read_text().splitlines()
    assert sorted(map(timed, lines)) == sorted(timed(json.loads(line)) for line in expected)


def timed(line: dict[str, Any]) -> str:
    """As text; a time that is of no flow is that of a run."""
    now = {"ns": "NOW"} if line["ns"] > 1_750_000_000 * 10**9 else {}
    return json.dumps(line | now, sort_keys=True)
