"""A FlowMetric previewed and saved."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import msgspec
import polars as pl
import pytest

from page.metrics import Preview, kept, preview, save
from pipeline.api.server import UnansweredError
from pipeline.flowmetric import load
from tests.support.edge_rows import frame
from tests.support.seen import Fixed, reference_flows, seen

METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {name: bytes-in, namespace: netobserv}
spec: # what comes in
  type: Counter
  valueField: Bytes
  labels: [DstK8S_Namespace, SrcK8S_Namespace]
  filters: [{field: DstK8S_Namespace, matchType: Presence}]
"""


@pytest.fixture
def source(tmp_path: Path) -> Fixed:
    found = Fixed(seen(frame()), reference_flows())
    found.metrics = tmp_path
    return found


def body(text: str) -> bytes:
    return msgspec.json.encode({"resource": text})


def test_what_it_would_give(source: Fixed) -> None:
    found = preview(source, body(METRIC))
    flows = source.flows()
    pairs = (
        flows.filter(pl.col("DstK8S_Namespace") != "")
        .group_by("DstK8S_Namespace", "SrcK8S_Namespace")
        .agg(pl.col("Bytes").sum())
    )
    assert (found.name, found.metric, found.type, found.ready) == (
        *("netobserv/bytes-in", "bytes_in", "Counter"),
        True,
    )
    assert found.flows == flows.height
    assert [(one.what, one.rows_in) for one in found.steps] == [
        ("DstK8S_Namespace is there", flows.height)
    ]
    assert found.forecast >= found.series >= pairs.height
    assert [one.label for one in found.labels] == ["DstK8S_Namespace", "SrcK8S_Namespace"]
    assert {one.level for one in found.labels} == {"fine"}
    best = pairs.sort("Bytes", descending=True).row(0, named=True)
    assert found.top[0].value == best.pop("Bytes")
    assert found.top[0].labels == best
    assert found.problems == []


def test_problems_are_told_with_their_place(source: Fixed) -> None:
    found = preview(source, body(METRIC.replace("SrcK8S_Namespace", "SrcK8S_Namspace")))
    (error,) = [one for one in found.problems if one.severity == "error"]
    assert error.message == '"SrcK8S_Namspace" is not a field of a flow'
    assert error.hint == 'did you mean "SrcK8S_Namespace"?'
    assert (error.line, error.column) == (7, 30)
    assert (found.ready, found.series, found.steps, found.top) == (False, 0, [], [])


def test_warnings_do_not_keep_it_from_being_tried(source: Fixed) -> None:
    found = preview(source, body(METRIC.replace("SrcK8S_Namespace", "SrcAddr")))
    assert found.ready
    assert found.problems[0].message.startswith("cardinality avoid")
    assert found.labels[1].level == "avoid"
    assert found.labels[1].values == source.flows()["SrcAddr"].n_unique()


def test_a_histogram_counts_rows(source: Fixed) -> None:
    found = preview(source, body(METRIC.replace("Counter", "Histogram")))
    assert found.top[0].count
    assert found.top[0].count > 1


def test_without_flows_there_is_nothing_to_try(source: Fixed) -> None:
    empty = Fixed(source.found)
    found = preview(empty, body(METRIC))
    assert (found.flows, found.series, found.forecast) == (0, 0, 0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no FlowMetric in this file"),
        ("[", "resource:2:1: error: invalid YAML"),
        (
            "kind: FlowMetrik",
            (
                'no FlowMetric in this file: a "FlowMetrik" is not a FlowMetric; '
                'did you mean "FlowMetric"?'
            ),
        ),
        (f"{METRIC}---\n{METRIC.replace('bytes-in', 'other')}", "one FlowMetric at a time"),
    ],
)
def test_texts_without_one_resource(source: Fixed, text: str, why: str) -> None:
    for action in (preview, save):
        with pytest.raises(UnansweredError) as caught:
            action(source, body(text))
        assert why in str(caught.value)
        assert caught.value.status == HTTPStatus.BAD_REQUEST


def test_it_is_saved_as_it_is_written(source: Fixed) -> None:
    assert source.metrics
    assert save(source, body(METRIC)).file == "bytes-in.yaml"
    assert (source.metrics / "bytes-in.yaml").read_text() == METRIC
    (resource,) = load([str(source.metrics)], Path()).resources
    assert resource.ready
    changed = METRIC.replace("Bytes", "Packets")
    assert save(source, body(changed)).file == "bytes-in.yaml"
    assert [(one.file, one.text) for one in kept(source).resources] == [("bytes-in.yaml", changed)]


def test_a_file_with_other_resources_stays(source: Fixed) -> None:
    assert source.metrics
    file = source.metrics / "bytes-in.yaml"
    both = f"{METRIC}---\n{METRIC.replace('bytes-in', 'other')}"
    file.write_text(both)
    with pytest.raises(UnansweredError, match=r"bytes-in\.yaml has other resources") as caught:
        save(source, body(METRIC))
    assert caught.value.status == HTTPStatus.CONFLICT
    assert file.read_text() == both


def test_another_resource_has_the_metric(source: Fixed) -> None:
    assert source.metrics
    (source.metrics / "a.yaml").write_text(METRIC.replace("bytes-in", "bytes.in"))
    with pytest.raises(UnansweredError, match='both expose the metric "bytes_in"') as caught:
        save(source, body(METRIC))
    assert caught.value.status == HTTPStatus.CONFLICT
    assert [path.name for path in source.metrics.iterdir()] == ["a.yaml"]


def test_what_is_not_ready_is_not_saved(source: Fixed) -> None:
    assert source.metrics
    with pytest.raises(UnansweredError, match="is not a field of a flow"):
        save(source, body(METRIC.replace("SrcK8S_Namespace", "Nothing")))
    for name in ("../evil", "a/b", "A", ".x"):
        with pytest.raises(UnansweredError, match="is not a valid name of an object"):
            save(source, body(METRIC.replace("bytes-in", name)))
    elsewhere = METRIC.replace("namespace: netobserv", "namespace: ../x")
    with pytest.raises(UnansweredError, match="is not a valid name of a namespace"):
        save(source, body(elsewhere))
    assert list(source.metrics.iterdir()) == []


def test_without_a_folder(source: Fixed) -> None:
    source.metrics = None
    with pytest.raises(UnansweredError, match="there is no folder of FlowMetrics") as caught:
        save(source, body(METRIC))
    assert caught.value.status == HTTPStatus.NOT_FOUND
    assert kept(source).resources == []


def test_a_folder_that_is_gone(source: Fixed, tmp_path: Path) -> None:
    source.metrics = tmp_path / "none"
    with pytest.raises(UnansweredError, match="No such file or directory") as caught:
        save(source, body(METRIC))
    assert caught.value.status == HTTPStatus.CONFLICT


def test_an_answer_is_as_it_is_described(source: Fixed) -> None:
    content = msgspec.json.encode(preview(source, body(METRIC)))
    assert msgspec.json.decode(content, type=Preview).metric == "bytes_in"
