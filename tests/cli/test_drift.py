"""`matrix approve` and `matrix diff`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from simulate import Simulation
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow


@pytest.fixture
def approved(made: Simulation, tmp_path: Path) -> Path:
    """What is approved of namespace netobserv."""
    asked = [made.recording, "--inventory", made.inventory, "-n", "netobserv"]
    done = flowmatrix("matrix", "approve", *asked)
    assert done.exit_code == 0, done.stderr
    file = tmp_path / "approved.yaml"
    file.write_text(done.stdout)
    return file


def test_a_matrix_that_was_approved_has_no_drift(made: Simulation, approved: Path) -> None:
    done = flowmatrix("matrix", "diff", approved, made.recording, "--inventory", made.inventory)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith("14 approved edges: no difference\n")


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_difference_is_exit_status_1_unless_it_is_allowed(
    made: Simulation, approved: Path, form: str
) -> None:
    text = approved.read_text()
    approved.write_text(text.replace("port: 9001", "port: 9999"))
    asked = ["diff", approved, made.recording, "--inventory", made.inventory, "--format", form]
    done = flowmatrix("matrix", *asked)
    assert done.exit_code == 1
    assert done.stderr.endswith("14 approved edges: 1 new, 1 gone\n")
    if form == "table":
        lines = done.stdout.splitlines()
        assert lines[0].split() == ["drift", "client", "server", "port", "evidence", "was"]
        assert lines[1].split()[:2] == ["new", "openshift-console/console"]
        assert "9999/TCP" in lines[2]
    else:
        found = json.loads(done.stdout)["rows"] if form == "json" else _csv(done.stdout)
        assert [(row["drift"], str(row["port"])) for row in found] == [
            *(("new", "9001"), ("gone", "9999"))
        ]
    assert flowmatrix("matrix", *asked, "--allow", "gone").exit_code == 1
    assert flowmatrix("matrix", *asked, "--allow", "gone", "--allow", "new").exit_code == 0


def _csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_marks_are_kept(made: Simulation, approved: Path) -> None:
    text = approved.read_text()
    approved.write_text(text.replace('"syn"}', '"syn", anomalous: true}'))
    asked = [made.recording, "--inventory", made.inventory, "-n", "netobserv"]
    done = flowmatrix("matrix", "approve", *asked, "--base", approved)
    assert done.stdout == approved.read_text()


def test_a_file_or_a_source_that_cannot_be_used_is_named(made: Simulation, approved: Path) -> None:
    assert flowmatrix("matrix", "diff", approved).exit_code == 2
    done = flowmatrix("matrix", "diff", approved, made.flp_config)
    assert done.exit_code == 1
    assert "no edges are counted: add a stage of type encode_matrix" in done.stderr
    approved.write_text("edges: 1")
    done = flowmatrix("matrix", "diff", approved, made.recording)
    assert done.exit_code == 78
    assert "approved.yaml:1:8: error: field edges" in done.stderr


def test_nothing_is_approved_for_a_namespace_that_was_not_seen(made: Simulation) -> None:
    """A misspelt name would be a file without edges, from which nothing differs."""
    asked = [made.recording, "--inventory", made.inventory, "-n", "netobsrv"]
    done = flowmatrix("matrix", "approve", *asked)
    assert (done.exit_code, done.stdout) == (1, "")
    assert 'did you mean "netobserv"?' in done.stderr
