"""`matrix`: the tables of a namespace."""

from __future__ import annotations

import json
from pathlib import Path

from simulate import Simulation
from tests.support.commands import flowmatrix


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
    assert (nothing.exit_code, nothing.stderr) == (1, f"error: there is no state in {tmp_path}\n")
