"""The shape of a FlowMetric against the table of docs/reference/flowmetric.md#resource."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.flowmetric import spec
from pipeline.flowmetric.spec import Chart, FlowMetricSpec, MetricFilter, Query

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "flowmetric.md"


def read(**fields: Any) -> FlowMetricSpec:
    return msgspec.convert({"type": "Counter", **fields}, FlowMetricSpec)


def table() -> dict[str, str]:
    """Field, with its place in the resource, and what is accepted."""
    section = PAGE.read_text().split("\n## Resource\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\S+)`[^|]* \|[^|]*\|[^|]*\|([^|]*)\|", section, re.MULTILINE)
    return dict(rows)


def names(kind: type[msgspec.Struct], prefix: str = "") -> set[str]:
    return {prefix + name for name in kind.__struct_encode_fields__}


def test_fields_are_those_of_the_table() -> None:
    """The parts of a query stand in the row of the queries."""
    plain = names(FlowMetricSpec) - {"filters", "charts"}
    charts = names(Chart, "charts[].") - {"charts[].queries"} | {"charts[].queries[]"}
    assert set(table()) == plain | names(MetricFilter, "filters[].") | charts
    assert names(Query) == {"promQL", "legend", "top"}


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("type", spec.MetricType),
        ("filters[].matchType", spec.MatchType),
        ("direction", spec.Direction),
        ("charts[].unit", spec.Unit),
        ("charts[].type", spec.ChartType),
    ],
)
def test_accepted_values_are_those_of_the_table(field: str, kind: type[spec.Unit]) -> None:
    accepted = {value.strip().strip('"') for value in table()[field].split(",")}
    assert set(kind) == accepted


def test_defaults_of_the_table() -> None:
    chart = {"title": "t", "type": "Line", "queries": [{"promQL": "$METRIC", "legend": ""}]}
    made = read(filters=[{"field": "Proto"}], charts=[chart])
    assert made == FlowMetricSpec(
        type=spec.MetricType.COUNTER,
        filters=[MetricFilter(field="Proto", value="", match_type=spec.MatchType.EQUAL)],
        direction=spec.Direction.ANY,
        charts=[
            Chart(
                title="t",
                type=spec.ChartType.LINE,
                queries=[Query(prom_ql="$METRIC", legend="", top=7)],
                dashboard_name="Main",
                section_name="",
                unit=spec.Unit.NONE,
            )
        ],
    )
    assert (made.metric_name, made.value_field, made.divider, made.buckets) == ("", "", "", [])


@pytest.mark.parametrize("name", ["", "a", "_a:b9", "A_b"])
def test_names_of_metrics(name: str) -> None:
    assert read(metricName=name).metric_name == name


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"type": "counter"}, r"\$\.type"),
        ({"type": None}, r"\$\.type"),
        ({"metricName": "9a"}, r"\$\.metricName"),
        ({"metricName": "a-b"}, r"\$\.metricName"),
        ({"metricName": "a\n"}, r"\$\.metricName"),
        ({"metricName": "é"}, r"\$\.metricName"),
        ({"remap": {"A": "a:b"}}, r"\$\.remap"),
        ({"remap": {"A": ""}}, r"\$\.remap"),
        ({"remap": {"A": "a\n"}}, r"\$\.remap"),
        ({"filters": [{}]}, r"\$\.filters"),
        ({"filters": [{"field": "A", "matchType": "equal"}]}, r"\$\.filters"),
        ({"direction": "egress"}, r"\$\.direction"),
        ({"buckets": [[]]}, r"\$\.buckets"),
        ({"divider": 1000}, r"\$\.divider"),
        ({"charts": [{"title": "t", "type": "Line"}]}, r"\$\.charts"),
        (
            {
                "charts": [
                    {
                        "title": "t",
                        "type": "Line",
                        "queries": [{"promQL": "x", "legend": "", "top": 0}],
                    }
                ]
            },
            r"\$\.charts",
        ),
    ],
)
def test_what_does_not_fit_has_a_place(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=place):
        read(**fields)


def test_the_type_is_required() -> None:
    with pytest.raises(msgspec.ValidationError, match="type"):
        msgspec.convert({}, FlowMetricSpec)
