"""`simulate`: recordings with known truth."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow


def test_simulate_says_how_to_run_it(tmp_path: Path) -> None:
    done = flowmatrix("simulate", "cluster", "--flows", "2000", "--out", tmp_path / "c.pb")
    assert done.exit_code == 0
    assert "2,000 flows in" in done.stdout
    assert (tmp_path / "c.truth.json").exists()


@pytest.mark.parametrize("scenario", ["cluster", "reference"])
def test_the_command_it_says_works(tmp_path: Path, scenario: str) -> None:
    """As it is printed, also where a name has a blank: there is a row in its tables."""
    out = tmp_path / "a b" / "c.pb"
    done = flowmatrix("simulate", scenario, "--out", out)
    command, *arguments = shlex.split(done.stdout.splitlines()[-1].removeprefix("run them: "))
    assert command == "flowmatrix"
    shown = flowmatrix(*arguments, "--format", "csv")
    assert shown.exit_code == 0
    assert len(shown.stdout.splitlines()) > 4


@pytest.mark.parametrize(
    "size",
    [
        *(("--workloads", "1"), ("--workloads", "5"), ("--workloads", "1500"), ("--pods", "1")),
        *(("--pods", "30"), ("--pods", "40", "--workloads", "40")),
    ],
)
def test_a_cluster_may_have_any_size(tmp_path: Path, size: tuple[str, ...]) -> None:
    """What is not given goes by what is."""
    out = tmp_path / "c.pb"
    done = flowmatrix("simulate", "cluster", "--flows", "500", *size, "--out", out)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("500 flows in ")


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


def test_what_stands_beside_takes_the_place_of_no_input(tmp_path: Path) -> None:
    """The pipeline that is written beside the flows was written over the way to the brokers."""
    security, out = tmp_path / "c.yaml", tmp_path / "c.pb"
    security.write_text("tls: {enable: false}")
    options = ("--kafka", "127.0.0.1:1", "--security", security, "--out", out)
    done = flowmatrix("simulate", "cluster", *options)
    assert done.exit_code == 1
    assert done.stderr == f"error: {security} is what this run reads: it would be overwritten\n"
    assert security.read_text() == "tls: {enable: false}"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("cluster",), 2, "--out FILE or --kafka"),
        (("cluster", "--out", "c.pb", "--ipfix-replies"), 1, "error: --ipfix-replies: "),
        (("cluster", "--out", "c.pb", "--flows", "0"), 1, "error: --flows: must be 1 or more"),
        (
            ("cluster", "--out", "c.pb", "--pods", "3", "--workloads", "4"),
            1,
            "error: --pods: 3 are too few for 4 workloads",
        ),
        (("cluster", "--out", "c.pb", "--workloads", "0"), 1, "error: --workloads: must be 1 or"),
        (("reference", "--out", "c.pb", "--pods", "3"), 2, "are for the cluster scenario"),
        (("reference", "--out", "c.inventory.yaml"), 1, "error: --out: c.inventory.yaml is the"),
        (("reference", "--out", "."), 1, "error: --out: . is a folder: give the name of a file\n"),
        (("cluster", "--out", "/"), 1, "error: --out: / is a folder: give the name of a file\n"),
        (("reference", "--kafka", "127.0.0.1:1:1"), 1, 'error: "127.0.0.1:1:1" is not host:port'),
        (("reference", "--kafka", "127.0.0.1:1", "--security", "none.yaml"), 78, "none.yaml"),
        (("reference", "--kafka", "127.0.0.1:1", "--rate", "-1"), 2, "greater than or equal to 0"),
        (("reference", "--kafka", "127.0.0.1:1", "--rate", "nan"), 2, "greater than or equal to 0"),
        (("reference", "--out", "c.pb", "--partitions", "-1"), 2, "greater than or equal to 0"),
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


@pytest.mark.parametrize("option", ["--rate=3", "--rate=0", "--security=s.yaml", "--partitions=2"])
def test_how_a_topic_is_fed_is_for_a_topic(option: str, tmp_path: Path) -> None:
    done = flowmatrix("simulate", "reference", "--out", tmp_path / "x.pb", option)
    assert done.exit_code == 2
    assert f"{option.partition('=')[0]} is for --kafka" in done.stderr
    assert list(tmp_path.iterdir()) == []
