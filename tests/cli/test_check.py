"""`validate`, `convert` and `schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from simulate import Simulation
from tests.support.commands import flowmatrix


def test_validate_shows_the_status_of_each_flowmetric(made: Simulation) -> None:
    done = flowmatrix("validate", made.config)
    assert done.exit_code == 0
    assert (
        "  netobserv/workload-syn-in -> netobserv_workload_syn_in: Ready,"
        " cardinality careful (careful: DstPort, Flags" in done.stdout
    )
    statuses = json.loads(flowmatrix("validate", "--format", "json", made.config).stdout)
    assert [s["prometheusName"] for s in statuses] == [
        "netobserv_workload_syn_in",
        "netobserv_workload_syn_out",
    ]


def test_validate_goes_on_after_a_bad_file(made: Simulation, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("stages: [{name: a, type: nothing}]\n")
    done = flowmatrix("validate", bad, made.config)
    assert done.exit_code == 78
    assert f"{made.config}: ok" in done.stdout
    assert f"{bad}:1:" in done.stderr


def test_convert_prints_what_loads_as_the_same(made: Simulation) -> None:
    native = flowmatrix("convert", made.flp_config).stdout
    assert {stage["type"] for stage in yaml.safe_load(native)["stages"]} >= {"kubernetes", "remap"}
    converted = made.flp_config.with_name("converted.yaml")
    converted.write_text(native)
    assert flowmatrix("convert", converted).stdout == native


def test_schema_is_json_schema() -> None:
    schema = json.loads(flowmatrix("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_convert_keeps_settings_that_are_not_the_default(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(
        "server: {listen: '127.0.0.1:7'}\nlog_level: info\nstages:\n"
        "- {name: in, type: ingest_stdin, decoder: json}\n"
        "- {name: out, type: write_stdout, follows: in}\n"
    )
    native = yaml.safe_load(flowmatrix("convert", path).stdout)
    assert set(native) == {"server", "stages"}
    assert native["server"]["listen"] == "127.0.0.1:7"


def test_a_refused_configuration_is_not_converted(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("stages: []\n")
    done = flowmatrix("convert", path)
    assert (done.exit_code, done.stdout) == (78, "")
    assert str(path) in done.stderr


@pytest.mark.parametrize("command", ["validate", "graph", "convert"])
def test_nothing_in_a_name_moves_the_cursor(command: str, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    name = '\x1b]0;x\x07\u2063\u202e\U000e0041 \\ é"\r'
    stage = {"name": name, "type": "ingest_stdin", "decoder": "json"}
    stages = [stage, {"name": "out", "type": "write_stdout", "follows": name}]
    path.write_text(json.dumps({"stages": stages}, ensure_ascii=False))
    done = flowmatrix(command, path)
    assert done.output.replace("\n", "").isprintable()
    if command == "convert":
        assert yaml.safe_load(done.stdout)["stages"][0]["name"] == name
