"""`simulate`: recordings with known truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import flowmatrix


def test_simulate_says_how_to_run_it(tmp_path: Path) -> None:
    done = flowmatrix("simulate", "cluster", "--flows", "2000", "--out", tmp_path / "c.pb")
    assert done.exit_code == 0
    assert "2,000 flows in" in done.stdout
    assert (tmp_path / "c.truth.json").exists()
    refused = flowmatrix("simulate", "cluster", "--pods", "1", "--out", tmp_path / "d.pb")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: pods: 1 are too few")


def test_the_same_seed_gives_the_same_recording(tmp_path: Path) -> None:
    files = []
    for name, seed in (("one", 3), ("other", 3), ("third", 4)):
        out = tmp_path / name / "c.jsonl"
        done = flowmatrix("simulate", "cluster", "--flows", 1000, "--seed", seed, "--out", out)
        assert done.exit_code == 0
        files.append(out.read_bytes())
    assert files[0] == files[1] != files[2]


def test_the_format_may_be_another_than_that_of_the_suffix(tmp_path: Path) -> None:
    out = tmp_path / "c.bin"
    options = ("--flows", 10, "--pods", 300, "--format", "json", "--out", out)
    assert flowmatrix("simulate", "cluster", *options).exit_code == 0
    assert [json.loads(line)["Etype"] for line in out.read_text().splitlines()] == [2048] * 10


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("cluster",), 2, "--out FILE or --kafka"),
        (("cluster", "--out", "c.pb", "--ipfix-replies"), 1, "error: ipfix_replies: "),
        (("reference", "--kafka", "127.0.0.1:1:1"), 1, 'error: "127.0.0.1:1:1" is not host:port'),
        (("reference", "--kafka", "127.0.0.1:1", "--security", "none.yaml"), 1, "none.yaml"),
        (("nothing",), 2, "Invalid value"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = flowmatrix("simulate", *arguments)
    assert done.exit_code == code
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []
