"""The reference scenario through the whole engine: recording in, counters and tables out.

Source: docs/reference/scenario.md#tables, docs/reference/scenario.md#records,
docs/reference/scenario.md#checks.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from matrix import tables
from matrix.families import MatrixDirection
from pipeline import config
from pipeline.app.job import Job
from pipeline.stage import VALUE
from pipeline.state.count_store import counters
from pipeline.state.series_rows import TIMES
from simulate import Format, Simulation, simulate
from tests.support.records import message_class

pytestmark = pytest.mark.slow

OUT, IN = MatrixDirection.OUTGOING, MatrixDirection.INCOMING
SYN_IN, SYN_OUT = "netobserv_workload_syn_in", "netobserv_workload_syn_out"


def ran(path: Path, **options: Path) -> Job:
    job = Job(config.load(path), **options)
    job.run()
    return job


def counted(job: Job) -> dict[str, set[tuple[Any, ...]]]:
    """Family -> its series as (label values in the order of the family, value)."""
    return {
        name: {tuple(row) for row in frame.drop(TIMES).rows()}
        for name, frame in counters(job.counts).items()
    }


def told(made: Simulation, key: str = "metrics") -> dict[str, set[tuple[Any, ...]]]:
    """The same from the truth file, its labels in the order of the FlowMetric."""
    truth = json.loads(made.truth.read_text())[key]
    plan = Job(config.load(made.config)).plan
    wanted = {}
    for name, metric in truth.items():
        labels = plan.families[name][0].labels
        rows = [dict(zip([*metric["labels"], VALUE], row, strict=True)) for row in metric["series"]]
        wanted[name] = {(*(row[label] for label in labels), row[VALUE]) for row in rows}
    return wanted


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate("reference", tmp_path_factory.mktemp("reference") / "reference.pb")


def test_every_counter_equals_the_truth(made: Simulation) -> None:
    assert counted(ran(made.config)) == told(made)
    assert made.before
    assert counted(ran(made.before)) == told(made, "metrics_before")


def test_the_dialect_of_flowlogs_pipeline_counts_the_same(made: Simulation) -> None:
    assert counted(ran(made.flp_config)) == told(made)


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz", "r.pb.zst"])
def test_any_form_of_recording_counts_the_same(tmp_path: Path, name: str) -> None:
    form = Format.JSON if "json" in name else Format.PROTOBUF
    other = simulate("reference", tmp_path / name, form=form)
    assert counted(ran(other.config)) == told(other)


@pytest.mark.parametrize(("query", "rows"), [("Q1", 12), ("Q2", 16)])
def test_the_tables(made: Simulation, query: str, rows: int) -> None:
    direction = OUT if query == "Q1" else IN
    table = tables.connections(counters(ran(made.config).counts), "netobserv", direction)
    truth = json.loads(made.truth.read_text())["tables"][query]
    assert table.rows.height == rows
    columns = [re.sub("^(to|from)_", "peer_", column) for column in truth["columns"]]
    found = table.rows.with_columns(pl.col("port").cast(pl.String)).select(columns)
    assert sorted(map(list, found.rows())) == sorted(truth["rows"])
    assert table.rows["evidence"].unique().to_list() == ["SYN"]


def test_nodes_collapse_to_two_rows_and_four_are_left(made: Simulation) -> None:
    series = counters(ran(made.config).counts)
    rows = tables.connections(series, "netobserv", IN, collapse_nodes=True).rows
    nodes = rows.filter(pl.col("peer_kind") == "Node").sort("port")
    assert nodes.select("peer_workload", "port", "workload").rows() == [
        ("(6 nodes)", 2055, "flowlogs-pipeline"),
        ("(6 nodes)", 8080, "flowlogs-pipeline"),
    ]
    assert rows.height - nodes.height == 4


def test_external_rows_before_and_after_labelling(made: Simulation) -> None:
    assert made.before
    for path, label in ((made.before, ""), (made.config, "AWS_S3_eu-west-3")):
        rows = tables.external(counters(ran(path).counts), "noo-loki").rows
        assert rows.select("kind", "workload", "port", "peer_subnet_label").rows() == [
            ("StatefulSet", "loki-index-gateway", 443, label),
            ("StatefulSet", "loki-ingester", 443, label),
        ]


def test_negative_checks(made: Simulation) -> None:
    job = ran(made.config)
    for frame in counters(job.counts).values():
        assert frame["port"].cast(pl.Int64).max() < 32_768  # type: ignore[operator] # a number
        assert frame["Flags"].unique().to_list() == ["SYN"]
        assert not any("dns-default" in row for row in frame.rows())
    text = job.exposer.final()
    lines = [line for line in text.splitlines() if line.startswith("netobserv_")]
    names = {line.partition("{")[0] for line in lines}
    assert names == {SYN_IN, SYN_OUT}


@pytest.mark.parametrize(
    ("flags", "protocol", "syn"),
    [
        (530, 6, 1),
        (784, 6, 0),
        (16, 6, 0),
        (2, 6, 1),
        (1024, 6, 0),
        (0, 6, 0),
        (2, 17, 0),
        (18, 6, 1),
    ],
    ids=["client", "server", "long-lived", "refused", "reset", "none", "udp", "ipfix reply"],
)
def test_flags(made: Simulation, tmp_path: Path, flags: int, protocol: int, syn: int) -> None:
    message = message_class()(eth_protocol=0x0800, flags=flags, bytes=10)
    message.network.src_addr.ipv4, message.network.dst_addr.ipv4 = 0x0A800105, 0x0A800305
    message.transport.src_port, message.transport.dst_port = 40_000, 443
    message.transport.protocol = protocol
    payload = message.SerializeToString()
    recording = tmp_path / "one.pb"
    recording.write_bytes(bytes([len(payload)]) + payload)
    series = counted(ran(made.config, recording=recording))
    assert [sum(row[-1] for row in series[name]) for name in (SYN_IN, SYN_OUT)] == [syn, syn]


def test_raw_header_bits_give_uncertain_rows(tmp_path: Path) -> None:
    other = simulate("reference", tmp_path / "ipfix.pb", ipfix_replies=True)
    series = counters(ran(other.config).counts)
    names = tables.namespaces(series)
    rows = pl.concat([tables.connections(series, name, OUT).rows for name in names])
    doubtful = rows.filter(pl.col("port") >= 32_768)
    assert doubtful.height > 0
    assert doubtful["evidence"].unique().to_list() == ["uncertain"]
    assert rows.filter(pl.col("evidence") == "uncertain").height == doubtful.height


def test_a_cluster_of_any_size_counts_as_its_truth(tmp_path: Path) -> None:
    other = simulate("cluster", tmp_path / "cluster.pb", flows=30_000, seed=7)
    assert counted(ran(other.config)) == told(other)
