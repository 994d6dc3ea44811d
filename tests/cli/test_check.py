"""The commands that do not run a pipeline for its metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from pipeline.cli import app
from simulate import Simulation, simulate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate("reference", tmp_path_factory.mktemp("reference") / "reference.pb")


def flowmatrix(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


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


def test_graph_shows_shared_stages_once(made: Simulation) -> None:
    text = flowmatrix("graph", made.config).stdout
    assert text.count("[flatten]") == 1
    assert text.count("[encode_prometheus]") == 2
    assert "-> netobserv_workload_syn_out" in text
    assert "(shared by" in text
    assert flowmatrix("graph", made.config, "--format", "dot").stdout.startswith("digraph plan {")
    mermaid = flowmatrix("graph", made.config, "--format", "mermaid").stdout.splitlines()
    assert mermaid[0] == "flowchart TD"
    assert '  s0["flows: ingest_file"]' in mermaid


def test_convert_prints_what_loads_as_the_same(made: Simulation) -> None:
    native = flowmatrix("convert", made.flp_config).stdout
    assert {stage["type"] for stage in yaml.safe_load(native)["stages"]} >= {"kubernetes", "remap"}
    converted = made.flp_config.with_name("converted.yaml")
    converted.write_text(native)
    assert flowmatrix("convert", converted).stdout == native


def test_schema_is_json_schema() -> None:
    schema = json.loads(flowmatrix("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_matrix_from_a_config_and_from_its_state(made: Simulation, tmp_path: Path) -> None:
    rows = {}
    assert flowmatrix("run", made.config, "--once", "--state", tmp_path).exit_code == 0
    for source in ([made.config], ["--state", tmp_path]):
        options = ["-n", "netobserv", "--direction", "out", "--format", "json"]
        done = flowmatrix("matrix", *source, *options)
        assert done.exit_code == 0, done.stderr
        table = json.loads(done.stdout)["rows"]
        rows[len(source)] = [
            {k: v for k, v in row.items() if not k.endswith("_seen")} for row in table
        ]
    assert len(rows[1]) == 12
    assert rows[1] == rows[2]


def test_matrix_of_a_namespace_that_is_not_there(made: Simulation) -> None:
    done = flowmatrix("matrix", made.config, "-n", "netobsrv", "--format", "csv")
    assert done.exit_code == 0
    assert done.stderr.endswith(
        'warning: no row is of namespace "netobsrv"; did you mean "netobserv"?\n'
    )


def test_matrix_wants_one_source(made: Simulation, tmp_path: Path) -> None:
    assert flowmatrix("matrix").exit_code == 2
    assert flowmatrix("matrix", made.config, "--state", tmp_path).exit_code == 2
    nothing = flowmatrix("matrix", "--state", tmp_path)
    assert (nothing.exit_code, nothing.stderr) == (1, f"error: no state in {tmp_path}\n")


def test_simulate_says_how_to_run_it(tmp_path: Path) -> None:
    done = flowmatrix("simulate", "cluster", "--flows", "2000", "--out", tmp_path / "c.pb")
    assert done.exit_code == 0
    assert "2,000 flows in" in done.stdout
    assert (tmp_path / "c.truth.json").exists()
    refused = flowmatrix("simulate", "cluster", "--pods", "1", "--out", tmp_path / "d.pb")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: pods: 1 are too few")


def test_help_teaches() -> None:
    text = flowmatrix("--help").stdout
    for command in ("run", "validate", "graph", "matrix", "simulate", "schema", "convert"):
        assert command in text
    assert "--dead-letters" in flowmatrix("run", "--help").stdout
