"""The edges of files of flows: what a worker has counted of the same flows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from matrix.edges import EDGES
from pipeline.app.job import Job
from pipeline.cli import edge_api
from pipeline.cli.flow_edges import FlowEdges
from pipeline.config.loader import load
from pipeline.testing import frame
from simulate import Simulation
from tests.support.kept import flow, parquet

pytestmark = pytest.mark.slow
KEY = [name for name in EDGES.names() if name.startswith(("client_", "server_"))]


def test_a_worker_that_keeps_its_flows(made: Simulation, tmp_path: Path) -> None:
    """The edges that it has counted are those of the files that it has kept, number by number."""
    document = yaml.safe_load(made.config.read_text())
    (edges,) = (one for one in document["stages"] if one["type"] == "encode_matrix")
    document["stages"].append(
        {
            "name": "raw",
            "type": "write_parquet",
            "follows": edges["follows"],
            "folder": str(tmp_path / "kept"),
            "max_flows": 200,
        }
    )
    config = made.config.with_name("kept.yaml")
    config.write_text(yaml.safe_dump(document))
    job = Job(load(config))
    job.run()
    wanted = edge_api.Edges(job).read().edges()
    job.close()
    found = FlowEdges([tmp_path / "kept"], inventory=made.inventory).read().edges()
    sums = ["flows", "bytes", "packets", "port"]
    both = [one.select(*KEY, *sums).sort(KEY + sums) for one in (found, wanted)]
    assert both[0].equals(both[1])


def test_a_file_that_comes_later_is_counted_too(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", frame([flow(1)]))
    source = FlowEdges([tmp_path])
    first = source.read()
    assert source.read() is first
    assert first.edges()["flows"].to_list() == [1]
    parquet(tmp_path / "b.parquet", frame([flow(1), flow(1, Bytes="many")]))
    assert source.read().edges()["flows"].to_list() == [2]
    assert source.rejected == 1
    assert source.flows().height == 2
