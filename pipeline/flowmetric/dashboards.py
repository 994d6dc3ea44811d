"""Dashboards of Grafana from the charts of FlowMetrics.

Source: docs/reference/flowmetric.md#charts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pipeline.flowmetric.resource import PREFIX, FlowMetric
from pipeline.flowmetric.spec import Chart, ChartType, MetricType, Query, Unit

_UNITS = {
    Unit.NONE: "short",
    Unit.BYTES: "bytes",
    Unit.SECONDS: "s",
    Unit.BYTES_PER_SECOND: "Bps",
    Unit.PACKETS_PER_SECOND: "pps",
    Unit.PERCENT: "percentunit",
}
_MILLISECONDS = "(ms)"
_WIDTH, _ROW = 24, 1
_SMALL, _LARGE, _HALF = (6, 4), (8, 8), (12, 8)
"""Width and height of a single value, of a graph, and of one of two graphs that fill a row."""
_TOP_ROW = 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class _Placed(NamedTuple):
    """A panel and its size."""

    panel: dict[str, Any]
    size: tuple[int, int]


class _Section:
    """The panels of a section: single values come first."""

    def __init__(self) -> None:
        self._values: list[dict[str, Any]] = []
        self._graphs: list[dict[str, Any]] = []

    def add(self, chart: Chart, metric: str) -> None:
        """The panels of a chart: one for each single value, or one graph of all queries."""
        if chart.type is ChartType.SINGLE_STAT:
            self._values += (_value(chart, query, metric) for query in chart.queries)
        else:
            self._graphs.append(_graph(chart, metric))

    def placed(self) -> list[_Placed]:
        """Its panels; a last graph that would be alone in its row shares it with another."""
        alone = len(self._graphs) > 3 and len(self._graphs) % 3 == 1
        wide = len(self._graphs) - 2 if alone else len(self._graphs)
        graphs = (
            _Placed(panel, _HALF if at >= wide else _LARGE) for at, panel in enumerate(self._graphs)
        )
        return [*(_Placed(panel, _SMALL) for panel in self._values), *graphs]


def dashboards(metrics: Iterable[FlowMetric], prefix: str = PREFIX) -> dict[str, dict[str, Any]]:
    """Each dashboard by its name, as JSON of Grafana; `prefix` starts the names of metrics.

    The same chart of several metrics (one title and unit) is taken from the first one.
    """
    found: dict[str, dict[str, _Section]] = {}
    taken: set[tuple[str, str, Unit]] = set()
    for metric in metrics:
        for chart in metric.spec.charts:
            key = (chart.dashboard_name, chart.title, chart.unit)
            if key not in taken:
                taken.add(key)
                sections = found.setdefault(chart.dashboard_name, {})
                section = sections.setdefault(chart.section_name, _Section())
                section.add(chart, prefix + metric.metric_name)
    return {name: _dashboard(name, sections) for name, sections in found.items()}


def unselected(metric: FlowMetric) -> Iterator[str]:
    """The queries of a histogram that name it without a suffix, and so select nothing."""
    if metric.spec.type is MetricType.HISTOGRAM:
        for chart in metric.spec.charts:
            for query in chart.queries:
                if re.search(r"\$METRIC(?!_(?:bucket|sum|count)\b)", query.prom_ql):
                    yield query.prom_ql


def _dashboard(name: str, sections: dict[str, _Section]) -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    row = 0
    for title, section in sections.items():
        placed = section.placed()
        shown = title or ("Overview" if len(placed) > _TOP_ROW else "")
        if shown:
            at = {"x": 0, "y": row, "w": _WIDTH, "h": _ROW}
            panels.append({"type": "row", "title": shown, "collapsed": False, "gridPos": at})
            row += _ROW
        row = _arrange(placed, row)
        panels += (one.panel for one in placed)
    numbered = [{"id": number, **panel} for number, panel in enumerate(panels, 1)]
    return {
        "uid": f"netobserv-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}"[:40],
        "title": f"NetObserv / {name}",
        "tags": ["netobserv"],
        "schemaVersion": 41,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]
        },
        "annotations": {"list": []},
        "panels": numbered,
    }


def _arrange(placed: list[_Placed], row: int) -> int:
    """Give panels their places, from left to right; return the first row below them."""
    column = height = 0
    for panel, (width, tall) in placed:
        if column + width > _WIDTH or (height and tall != height):
            row, column, height = row + height, 0, 0
        panel["gridPos"] = {"x": column, "y": row, "w": width, "h": tall}
        column, height = column + width, max(height, tall)
    return row + height


def _value(chart: Chart, query: Query, metric: str) -> dict[str, Any]:
    title = f"{chart.title}, {query.legend}" if query.legend else chart.title
    target = {**_target("A", _expression(query, metric)), "instant": True}
    return _panel("stat", title, chart, [target])


def _graph(chart: Chart, metric: str) -> dict[str, Any]:
    targets = [
        _target(chr(ord("A") + at % 26), f"topk({query.top}, {_expression(query, metric)})")
        | {"legendFormat": query.legend}
        for at, query in enumerate(chart.queries)
    ]
    panel = _panel("timeseries", chart.title, chart, targets)
    stacked = chart.type is ChartType.STACK_AREA
    panel["fieldConfig"]["defaults"]["custom"] = {
        "fillOpacity": 30 if stacked else 0,
        "stacking": {"mode": "normal" if stacked else "none"},
    }
    return panel


def _panel(kind: str, title: str, chart: Chart, targets: list[dict[str, Any]]) -> dict[str, Any]:
    unit = "ms" if _is_in_milliseconds(chart) else _UNITS[chart.unit]
    defaults: dict[str, Any] = {"unit": unit}
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }


def _is_in_milliseconds(chart: Chart) -> bool:
    """Whether a chart of seconds says in its title that its queries give milliseconds."""
    return chart.unit is Unit.SECONDS and _MILLISECONDS in chart.title


def _target(name: str, expression: str) -> dict[str, Any]:
    return {"refId": name, "datasource": _SOURCE, "expr": expression}


def _expression(query: Query, metric: str) -> str:
    """The query with the name of the metric, whatever suffix follows it."""
    return query.prom_ql.replace("$METRIC", metric)
