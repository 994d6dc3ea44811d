"""The latest flows of a group as if one worker had kept them all."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import msgspec
import polars as pl
import pytest
from msgspec.structs import replace

from page import recent
from page.metrics import preview
from page.recent import Asked, FlowsPage
from pipeline.api.server import Answers, Server, UnansweredError
from pipeline.app.documents import alone
from pipeline.cli.page_api import page_documents
from pipeline.cli.page_workers import Workers
from tests.support.hostile import answered, hostile
from tests.support.seen import Fixed, reference_flows, reference_seen

TIME = "TimeFlowEndMs"
METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {name: m, namespace: netobserv}
spec:
  type: Histogram
  valueField: Bytes
  labels: [SrcAddr, DstK8S_OwnerName, Interfaces, IfDirections, Flags]
  flatten: [Interfaces, IfDirections]
  filters: [{field: SrcPort, value: "5[0-9]+", matchType: MatchRegex}]
"""
NOBODY = "http://127.0.0.1:9"


def flows() -> pl.DataFrame:
    """Flows, each at a time of its own."""
    found = reference_flows()
    return found.with_columns(
        (1_700_000_000_000 + pl.int_range(found.height) * 1000).alias(TIME)
    ).tail(3000)


@pytest.fixture(scope="module")
def servers() -> Iterator[list[str]]:
    """Two workers, each with every other flow."""
    whole = flows()
    parts = [whole.gather_every(2), whole.gather_every(2, 1)]
    with ExitStack() as stack:
        yield [stack.enter_context(serving(part)).url for part in parts]


def serving(part: pl.DataFrame) -> Server:
    source = Fixed(reference_seen(), part)
    found = page_documents(source, "", latest=lambda one: recent.page(source.flows(), one))
    return Server("127.0.0.1:0", Answers(lambda _: "", str, alone(found)))


@pytest.mark.parametrize(
    "asked",
    [
        Asked(limit=50),
        Asked(limit=0),
        Asked(query="DstPort = 2055", both=True, columns="SrcAddr,Bytes", limit=5000),
        Asked(since=1_700_000_500_000, until=1_700_000_900_000, columns=TIME),
        Asked(query='SrcAddr = "192.0.2.99"'),
        Asked(edges=3),
    ],
)
def test_as_one_worker_would_have_it(servers: Sequence[str], asked: Asked) -> None:
    assert Workers(servers).flows(asked) == recent.page(flows(), asked)


def test_one_that_does_not_answer_is_named(servers: Sequence[str]) -> None:
    found = Workers([servers[0], NOBODY]).flows(Asked())
    assert found.held == 1500
    (note,) = found.notes
    assert note.startswith(f"cannot ask {NOBODY}")
    with pytest.raises(UnansweredError, match="cannot ask"):
        Workers([NOBODY]).flows(Asked())


TABLE = FlowsPage(
    held=1,
    total=1,
    fields=["A", "B"],
    columns=["A", "B"],
    values=[[1], [2]],
    times=[1.0],
    edges=[],
    all_edges=0,
    whole=True,
)


@pytest.mark.parametrize(
    "changed",
    [
        {"columns": []},
        {"values": []},
        {"values": [[1], []]},
        {"values": [[1, 2]] * 2},
        {"times": []},
    ],
)
def test_flows_that_make_no_table_are_those_of_no_worker(
    servers: Sequence[str], changed: dict[str, list[object]]
) -> None:
    """The flows of the others were not shown either."""
    with hostile([answered(msgspec.json.encode(TABLE))]) as one:
        assert Workers([servers[0], one]).flows(Asked()).held == 1501
    with hostile([answered(msgspec.json.encode(replace(TABLE, **changed)))]) as one:
        found = Workers([servers[0], one]).flows(Asked())
    (note,) = found.notes
    assert note.startswith(f"cannot ask {one}/api/v0/flows: its columns are not as long")
    assert found.held == 1500


def test_one_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page showed nothing of the others for half a minute."""
    monkeypatch.setattr("pipeline.cli.page_workers._PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = Workers([url]).health({})
    assert [one.worker for one in found.workers] == [url]
    assert found.workers[0].reason.endswith("/api/v0/health: its answer takes too long")


def test_a_query_that_is_not_valid_is_asked_of_nobody() -> None:
    with pytest.raises(UnansweredError, match="query: "):
        Workers([NOBODY]).flows(Asked(query="DstPort ="))


def test_workers_with_different_fields(servers: Sequence[str]) -> None:
    """A worker without any flow yet, and one whose flows have a field that others do not have."""
    other = pl.DataFrame({TIME: [1_900_000_000_000], "SrcAddr": ["10.9.9.9"]})
    with serving(other) as one, serving(pl.DataFrame()) as empty:
        found = Workers([servers[0], one.url, empty.url]).flows(Asked(limit=2))
    assert found.held == 1501
    row = dict(zip(found.columns, [each[0] for each in found.values], strict=True))
    assert (row["SrcAddr"], row["DstPort"]) == ("10.9.9.9", None)


def test_a_metric_is_tried_on_the_flows_of_all(servers: Sequence[str]) -> None:
    """What it would give is what it gives on all flows at once."""
    whole, group = (
        Fixed(reference_seen(), flows()),
        Fixed(reference_seen(), Workers(servers).frame()),
    )
    one = preview(group, json.dumps({"resource": METRIC}).encode())
    assert one.flows == 3000
    assert one.series > 100
    assert one == preview(whole, json.dumps({"resource": METRIC}).encode())
    with serving(pl.DataFrame()) as empty:
        assert Workers([servers[0], empty.url]).frame().height == 1500
    with pytest.raises(UnansweredError, match="cannot ask"):
        Workers([servers[0], NOBODY]).frame()


def test_health_of_each(servers: Sequence[str]) -> None:
    """These two have no health to tell: each says so for itself."""
    found = Workers([*servers, NOBODY]).health({})
    assert [one.worker for one in found.workers] == [*servers, NOBODY]
    assert all("cannot ask" in one.reason for one in found.workers)
