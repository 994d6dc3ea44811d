"""Against docs/reference/flowmetric.md#charts."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.flowmetric import FlowMetric, parse
from pipeline.flowmetric.dashboards import dashboards, unselected
from pipeline.flowmetric.spec import Unit


def metric(name: str, *charts: dict[str, Any], **spec: Any) -> FlowMetric:
    read = parse(
        {
            "apiVersion": "flows.netobserv.io/v1alpha1",
            "kind": "FlowMetric",
            "metadata": {"name": name, "namespace": "netobserv"},
            "spec": {"type": "Counter", "charts": list(charts), **spec},
        }
    )
    assert read.ready, read.problems
    return read


def chart(title: str = "t", query: str = "sum($METRIC)", **more: Any) -> dict[str, Any]:
    one = {"promQL": query, "legend": ""}
    return {"title": title, "type": "Line", "queries": [one], **more}


def panels(*metrics: FlowMetric, name: str = "Main") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboards(metrics)[name]["panels"]
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum(rate($METRIC[2m]))", "sum(rate(netobserv_a_b[2m]))"),
        ("rate($METRIC_bucket[2m])", "rate(netobserv_a_b_bucket[2m])"),
        ('$METRIC_sum{a="b"} / $METRIC_count', 'netobserv_a_b_sum{a="b"} / netobserv_a_b_count'),
    ],
)
@pytest.mark.parametrize("named", [{}, {"metricName": "a_b"}])
def test_the_name_of_the_metric_takes_its_place(
    query: str, expected: str, named: dict[str, str]
) -> None:
    """Also where it is derived from the name of the resource, and before a suffix."""
    (panel,) = panels(metric("a-b", chart(query=query), **named))
    assert panel["targets"][0]["expr"] == f"topk(7, {expected})"


def test_another_prefix() -> None:
    (made,) = dashboards([metric("a", chart())], "x_").values()
    assert made["panels"][0]["targets"][0]["expr"] == "topk(7, sum(x_a))"


def test_a_single_value_is_a_panel_for_each_query() -> None:
    queries = [{"promQL": "$METRIC", "legend": ""}, {"promQL": "2*$METRIC", "legend": "p99"}]
    plain, called = panels(metric("m", chart(type="SingleStat", queries=queries)))
    assert [panel["type"] for panel in (plain, called)] == ["stat", "stat"]
    assert [panel["title"] for panel in (plain, called)] == ["t", "t, p99"]
    assert called["targets"][0]["expr"] == "2*netobserv_m"


@pytest.mark.parametrize(("kind", "stacking"), [("Line", "none"), ("StackArea", "normal")])
def test_a_graph_has_all_queries_with_their_legends(kind: str, stacking: str) -> None:
    queries = [
        {"promQL": "$METRIC", "legend": "{{a}}"},
        {"promQL": "2*$METRIC", "legend": "b", "top": 3},
    ]
    (panel,) = panels(metric("m", chart(type=kind, queries=queries)))
    assert [(t["refId"], t["expr"], t["legendFormat"]) for t in panel["targets"]] == [
        ("A", "topk(7, netobserv_m)", "{{a}}"),
        ("B", "topk(3, 2*netobserv_m)", "b"),
    ]
    custom = panel["fieldConfig"]["defaults"]["custom"]
    assert custom["stacking"]["mode"] == stacking


@pytest.mark.parametrize(
    ("unit", "title", "shown"),
    [
        ("", "t", "short"),
        ("bytes", "t", "bytes"),
        ("seconds", "t", "s"),
        ("seconds", "t (ms)", "ms"),
        ("Bps", "t", "Bps"),
        ("pps", "t", "pps"),
        ("percent", "t", "percentunit"),
    ],
)
def test_units(unit: str, title: str, shown: str) -> None:
    """Seconds whose title says ms are shown so: the queries of such charts multiply by 1000."""
    (panel,) = panels(metric("m", chart(title, unit=unit)))
    assert panel["fieldConfig"]["defaults"]["unit"] == shown
    assert set(Unit) == {"", "bytes", "seconds", "Bps", "pps", "percent"}


def test_the_same_chart_of_several_metrics_is_shown_once() -> None:
    first, second = metric("a", chart()), metric("b", chart(), chart(unit="Bps"))
    shown = panels(first, second)
    assert [p["targets"][0]["expr"] for p in shown] == [
        "topk(7, sum(netobserv_a))",
        "topk(7, sum(netobserv_b))",
    ]


def test_dashboards_and_sections() -> None:
    made = dashboards(
        [
            metric("a", chart("x", sectionName="S"), chart("y", dashboardName="Other Board")),
            metric("b", chart("z", sectionName="S"), chart("v", type="SingleStat")),
        ]
    )
    assert [(one["uid"], one["title"]) for one in made.values()] == [
        ("netobserv-main", "NetObserv / Main"),
        ("netobserv-other-board", "NetObserv / Other Board"),
    ]
    assert [(p["type"], p["title"]) for p in made["Main"]["panels"]] == [
        ("row", "S"),
        ("timeseries", "x"),
        ("timeseries", "z"),
        ("stat", "v"),
    ]
    assert [p["id"] for p in made["Main"]["panels"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("graphs", "widths"),
    [(1, [8]), (3, [8, 8, 8]), (4, [8, 8, 12, 12]), (5, [8] * 5), (7, [*[8] * 5, 12, 12])],
)
def test_no_graph_is_alone_in_a_last_row(graphs: int, widths: list[int]) -> None:
    shown = panels(metric("m", *(chart(str(n)) for n in range(graphs))))
    assert [panel["gridPos"]["w"] for panel in shown] == widths


def test_panels_do_not_overlap_and_a_crowded_top_has_a_title() -> None:
    values = [chart(f"v{n}", type="SingleStat") for n in range(9)]
    graphs = [chart(f"g{n}", sectionName=s) for n in range(4) for s in ("", "S")]
    shown = panels(metric("m", *values, *graphs[:1]), metric("n", *graphs[1:]))
    titles = [panel["title"] for panel in shown if panel["type"] == "row"]
    assert set(titles) <= {"Overview", "S"}
    assert titles[0] == "Overview"
    taken: set[tuple[int, int]] = set()
    for panel in shown:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_a_histogram_without_a_suffix_selects_nothing() -> None:
    queries = [{"promQL": q, "legend": ""} for q in ("$METRIC", "$METRIC_bucket", "$METRIC_total")]
    histogram = metric("h", chart(queries=queries), type="Histogram", valueField="Bytes")
    assert list(unselected(histogram)) == ["$METRIC", "$METRIC_total"]
    assert list(unselected(metric("c", chart(queries=queries)))) == []
