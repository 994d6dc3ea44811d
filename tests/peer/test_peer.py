"""The comparison as it is called; this engine under the original's name stands for the original."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.peer.__main__ import main

pytestmark = pytest.mark.slow

SAME = Path(sys.executable).with_name("flowlogs-pipeline")
CONFIG = {
    "pipeline": [
        {"name": "in"},
        {"name": "sums", "follows": "in"},
        {"name": "out", "follows": "in"},
    ],
    "parameters": [
        {"name": "in", "ingest": {"type": "stdin"}},
        {"name": "out", "write": {"type": "loki", "loki": {"url": "http://localhost:3100"}}},
        {
            "name": "sums",
            "encode": {
                "type": "prom",
                "prom": {
                    "metrics": [
                        {
                            "name": "bytes",
                            "type": "counter",
                            "valueKey": "Bytes",
                            "labels": ["SrcAddr"],
                        }
                    ]
                },
            },
        },
    ],
}
FLOWS = [{"SrcAddr": "10.0.0.1", "Bytes": 1.5}, {"SrcAddr": "10.0.0.2", "Bytes": 2}]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "flp.json").write_text(json.dumps(CONFIG))
    (tmp_path / "flows.jsonl").write_text("".join(f"{json.dumps(flow)}\n" for flow in FLOWS))
    return [str(tmp_path / "flp.json"), str(tmp_path / "flows.jsonl")]


def other(folder: Path, script: str) -> str:
    """A program that runs `script` on its arguments and then is the one that is the same."""
    path = folder / "other"
    path.write_text(f"#!{sys.executable}\nimport os, sys\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_what_is_the_same(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*files, "--binary", str(SAME)]) == 0
    assert capsys.readouterr().out == "3 samples and 2 records are the same\n"


def test_what_differs_is_printed_and_is_the_exit_status(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other program counts packets and prints no record."""
    script = f"""\
printed, discarded = '"type": "stdout"', '"type": "none"'
own = [one.replace("Bytes", "Packets").replace(printed, discarded) for one in sys.argv[1:]]
os.execv({str(SAME)!r}, [{str(SAME)!r}, *own])"""
    assert main([*files, "--binary", other(tmp_path, script)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "sample bytes[('SrcAddr', '10.0.0.1')]: theirs None, ours 1.5" in lines
    assert 'record of ours alone: {"Bytes": 1.5, "SrcAddr": "10.0.0.1"}' in lines


def test_one_that_refuses_or_dies_is_told_apart(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "sys.stderr.write('level=error msg=no\\n'); sys.exit(1)"
    assert main([*files, "--binary", other(tmp_path, script)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "theirs: refused: level=error msg=no",
        "ours: accepted",
    ]
    script = "sys.stderr.write('panic: no\\n'); sys.exit(2)"
    assert main([*files, "--binary", other(tmp_path, script)]) == 0
    assert capsys.readouterr().out.startswith("the original died: panic: no\n")


def test_without_a_binary_nothing_is_compared(
    files: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FLP_BINARY", raising=False)
    assert main(files) == 2
    assert capsys.readouterr().err == "FLP_BINARY does not name a flowlogs-pipeline binary\n"
