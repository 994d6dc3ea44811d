"""`flows`: what is asked for, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.testing import frame
from simulate import Simulation
from tests.support.commands import flowmatrix
from tests.support.kept import parquet

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def raw(made: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pipeline that enriches the reference scenario and keeps its flows."""
    folder = tmp_path_factory.mktemp("kept")
    stages = yaml.safe_load(made.config.read_text())["stages"]
    stages[0]["batch_size"] = 1000
    for stage in stages:
        for key in {"path", "inventory"} & stage.keys():
            stage[key] = str(made.config.parent / stage[key])
    out = {"name": "raw", "type": "write_parquet", "follows": stages[2]["name"], "folder": "raw"}
    config = folder / "raw.yaml"
    config.write_text(yaml.safe_dump({"stages": [*stages[:3], out | {"max_flows": 2000}]}))
    assert flowmatrix("run", config, "--once").exit_code == 0
    return folder / "raw"


def asked(*arguments: object) -> list[dict[str, object]]:
    done = flowmatrix("flows", *arguments, "--format", "jsonl")
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_a_run_kept(raw: Path, made: Simulation) -> None:
    """Every flow of the recording, with the names of its ends, in several files."""
    assert len(list(raw.iterdir())) > 1
    kept, recorded = (
        asked(path, "--columns", "SrcAddr,DstAddr", "-c", "SrcPort,Bytes,TimeFlowEndMs")
        for path in (raw, made.recording)
    )
    assert len(kept) == 4706
    assert sorted(map(str, kept)) == sorted(map(str, recorded))
    named = asked(raw, "-q", "with(SrcK8S_Name)")
    assert len(named) > 4000


def test_both_ways_is_the_union_of_a_query_and_its_reverse(raw: Path) -> None:
    one = 'SrcK8S_Namespace = "netobserv" and DstPort = 8080'
    other = 'DstK8S_Namespace = "netobserv" and SrcPort = 8080'
    there, back = asked(raw, "-q", one), asked(raw, "-q", other)
    both = asked(raw, "-q", one, "--both-ways")
    assert len(there) == len(back) == 1023
    assert sorted(map(str, both)) == sorted(map(str, [*there, *back]))


def test_top_by(raw: Path) -> None:
    every = [flow["Packets"] for flow in asked(raw)]
    top = [flow["Packets"] for flow in asked(raw, "--top", 7, "--by", "Packets")]
    assert top == sorted(every, key=lambda n: -int(str(n)))[:7]


def test_a_table_says_what_matched(raw: Path) -> None:
    done = flowmatrix("flows", raw, "-q", "DstPort = 8080", "--limit", 3)
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert lines[-1].startswith("1,")
    assert lines[-1].endswith("2025-10-28T10:04:59Z; 4,706 read")
    assert " flows match, " in lines[-1]


def test_a_limit_leaves_the_totals_alone(raw: Path) -> None:
    done = flowmatrix("flows", raw, "--limit", 2, "--format", "csv")
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr.startswith("4,706 flows match, ")


@pytest.mark.parametrize("option", ["--top", "--limit"])
def test_more_than_there_are_of_any_size(raw: Path, option: str) -> None:
    assert len(asked(raw, option, 10**30)) == 4706


def test_a_column_that_is_named_twice_is_there_once(raw: Path) -> None:
    assert list(asked(raw, "-c", "Bytes,Proto,Bytes", "-c", "Proto")[0]) == ["Bytes", "Proto"]


def test_times(raw: Path) -> None:
    cut = "2025-10-28T10:02:00Z"
    before, after = asked(raw, "--until", cut), asked(raw, "--since", cut)
    assert len(before) + len(after) == 4706
    assert max(int(str(flow["TimeFlowEndMs"])) for flow in before) < 1761645720_000
    assert min(int(str(flow["TimeFlowEndMs"])) for flow in after) >= 1761645720_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-c", "SrcAdr"], '--columns: no flow has the field "SrcAdr"; did you mean "SrcAddr"?'),
        (["-q", "DstPrt = 1"], '--query: no flow has the field "DstPrt"; did you mean "DstPort"?'),
        (["--top", "1", "--by", "Byte"], '--by: no flow has the field "Byte"; did you mean'),
        (["--top", "1", "--by", "SrcAddr"], '--by: "SrcAddr" is not a field of numbers'),
        (["-q", "DstPort 1"], "--query: column 9: expected =~"),
        (["-q", "SrcAddr in '1'"], "--query: column 12: texts are written in double quotes"),
        (["--both-ways"], "--both-ways turns a query round: give --query"),
        (["--since", "yesterday"], '"yesterday" is not a time'),
        (["--since", ""], '"" is not a time'),
        (["--since", "1h", "--until", "2h"], '--until "2h" is not after --since "1h"'),
        (["--by", "Byte"], '--by: no flow has the field "Byte"; did you mean "Bytes"?'),
    ],
)
def test_what_is_refused(raw: Path, arguments: list[str], said: str) -> None:
    done = flowmatrix("flows", raw, *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_a_field_of_the_files_alone(tmp_path: Path) -> None:
    """It is known, though it is not in the catalogue."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"Mine": 1}\n{"Mine": 2, "Bytes": 3}\n')
    assert asked(path, "-q", "Mine > 1", "-c", "Mine") == [{"Mine": 2}]


def test_nothing_but_rejects(tmp_path: Path) -> None:
    path = tmp_path / "a.pb"
    path.write_bytes(b"\x05\xff\xff\xff\xff\xff")
    done = flowmatrix("flows", path)
    assert done.exit_code == 1
    assert "everything that was read was rejected" in done.stderr


@pytest.mark.parametrize("more", [[], ["--top", 2], ["--limit", 2]])
def test_flows_without_a_usual_field_are_shown(tmp_path: Path, more: list[object]) -> None:
    """They are as many as they are, with the fields that they have."""
    parquet(tmp_path / "a.parquet", frame([{"Dscp": 4, "Etype": 2048}, {"Dscp": 8}]))
    done = flowmatrix("flows", tmp_path, *more)
    assert [line.split() for line in done.stdout.splitlines()[:3]] == [
        ["Dscp", "Etype"],
        ["4", "2048"],
        ["8"],
    ]
    assert done.stdout.splitlines()[3:] == ["2 flows match, 0 B, 0 packets; 2 read"]
