"""Commands on a disk that takes no more: an error that names the file, and nothing half written."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app

CONFIGS = Path(__file__).parents[2] / "configs"
PIPELINE = """\
stages:
- {name: in, type: ingest_file, path: flows.json, decoder: json}
- {name: count, type: encode_prometheus, follows: in, metrics: [{name: flows, labels: [SrcAddr]}]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with flows, and a line that is rejected for each."""
    lines = "".join(f'{{"SrcAddr":"10.0.0.{n}"}}\n{{"rejected": {n}\n' for n in range(200))
    (tmp_path / "flows.json").write_text(lines)
    (tmp_path / "p.yaml").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def full(folder: Path) -> Iterator[Path]:
    """The folder; from now on no file becomes longer than 1024 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ("run p.yaml --once --metrics-out out", "out"),
        ("run p.yaml --once --dead-letters out", "out"),
        ("run p.yaml --once --metrics-out /dev/full", "/dev/full"),
        ("run p.yaml --once --dead-letters /dev/full", "/dev/full"),
        (f"charts {CONFIGS / 'flowmetrics'} --out out", "out/netobserv-main.json"),
        ("simulate reference --out out --flows 5000", "out"),
        ("simulate reference --out out.gz --flows 5000", "out.gz"),
        ("simulate reference --out out.zst --flows 5000", "out.zst"),
    ],
)
def test_the_error_names_the_file(arguments: str, file: str, full: Path) -> None:
    done = CliRunner().invoke(app, arguments.split())
    assert done.exit_code == 1, done.output
    assert done.stderr.splitlines()[-1].startswith(f"error: {file}: "), done.stderr
    assert [path.name for path in full.rglob(".*")] == []


def test_what_was_there_stays(full: Path) -> None:
    (full / "out").write_text("whole\n")
    CliRunner().invoke(app, ["run", "p.yaml", "--once", "--metrics-out", "out"])
    assert (full / "out").read_text() == "whole\n"
