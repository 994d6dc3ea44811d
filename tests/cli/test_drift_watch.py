"""The live gauge of drift."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

import pytest
import yaml

from pipeline.app.job import Job
from pipeline.cli.drift_watch import DriftWatch
from pipeline.cli.edge_api import Edges
from pipeline.config.loader import load
from simulate import Simulation
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow

GAUGE = re.compile(r'flowmatrix_drift_edges\{namespace="netobserv",state="(\w+)"\} (\d+)')


@pytest.fixture
def approved(made: Simulation, tmp_path: Path) -> Path:
    asked = [made.recording, "--inventory", made.inventory, "-n", "netobserv"]
    file = tmp_path / "approved.yaml"
    file.write_text(flowmatrix("matrix", "approve", *asked).stdout)
    return file


@pytest.fixture
def job(made: Simulation, approved: Path) -> Job:
    """A run over the reference scenario with an approved matrix."""
    document = yaml.safe_load(made.config.read_text())
    document["matrix"] = {"approved": str(approved)}
    file = made.config.with_name("drift.yaml")
    file.write_text(yaml.safe_dump(document))
    found = Job(load(file))
    found.run()
    return found


def shown(job: Job) -> dict[str, int]:
    """The gauge by state."""
    return {state: int(number) for state, number in GAUGE.findall(job.exposer.page())}


def test_the_gauge_follows_the_file(job: Job, approved: Path) -> None:
    """An approved matrix has no drift; the file is read again when it changes."""
    watch = DriftWatch(job, Edges(job))
    watch.compare()
    assert shown(job) == {"anomalous": 0, "new": 0, "changed": 0, "gone": 0}
    text = approved.read_text()
    lines = text.splitlines(keepends=True)
    changed = lines[4].replace("}\n", ", anomalous: true}\n")
    approved.write_text("".join([*lines[:4], changed, *lines[6:]]).replace("9001", "9999"))
    watch.compare()
    assert shown(job) == {"anomalous": 1, "new": 2, "changed": 0, "gone": 1}


def test_a_file_that_is_not_valid_leaves_the_one_before_in_force(
    job: Job, approved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = DriftWatch(job, Edges(job))
    watch.compare()
    text = approved.read_text()
    approved.write_text("edges: 1")
    with caplog.at_level(logging.ERROR):
        watch.compare()
        watch.compare()
    assert len(caplog.messages) == 1
    assert "approved.yaml:1:8: error: field edges" in caplog.text
    assert shown(job)["new"] == 0
    assert "flowmatrix_drift_refused 1" in job.exposer.page()
    approved.write_text(text.replace("9001", "9999"))
    watch.compare()
    assert (shown(job)["new"], shown(job)["gone"]) == (1, 1)
    assert "flowmatrix_drift_refused 0" in job.exposer.page()


def test_it_compares_by_itself_while_it_is_open(job: Job) -> None:
    with DriftWatch(job, Edges(job), period=0.05):
        deadline = time.monotonic() + 60
        while not shown(job):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert shown(job)["new"] == 0


def test_without_an_approved_matrix_there_is_no_gauge(made: Simulation) -> None:
    found = Job(load(made.config))
    with DriftWatch(found, Edges(found)) as watch:
        watch.compare()
    assert "drift" not in found.exposer.page()
    found.close()
