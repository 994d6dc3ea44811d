"""Flows as log records and spans, read by the types of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.push import otlp_records
from pipeline.testing import frame

FLOWS: list[dict[str, Any]] = [
    {"SrcAddr": "10.0.0.1", "Bytes": 7, "rate": 1.5, "ok": True, "TimeReceived": 3},
    {"SrcAddr": 5, "Bytes": "many", "TimeReceived": None, "SrcPort": 443, "Other": {"k": [1]}},
]


def plain(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def attributes(found: Iterable[KeyValue]) -> dict[str, object]:
    return {one.key: plain(one.value) for one in found}


def test_logs() -> None:
    """Each field has the type of its column; an odd value is a text, a null is left out."""
    first, second = map(LogRecord.FromString, otlp_records.logs(frame(FLOWS), 99))
    assert (first.severity_number, first.severity_text) == (9, "INFO")
    assert (first.observed_time_unix_nano, first.time_unix_nano) == (99, 99)
    body = '{"Bytes":7,"SrcAddr":"10.0.0.1","TimeReceived":3,"ok":true,"rate":1.5}'
    assert first.body.string_value == body
    assert attributes(first.attributes) == {
        "SrcAddr": "10.0.0.1",
        "Bytes": 7,
        "rate": 1.5,
        "ok": True,
        "TimeReceived": 3,
    }
    assert attributes(second.attributes) == {
        "SrcAddr": "5",
        "Bytes": "many",
        "SrcPort": 443,
        "Other": "map[k:[1]]",
    }


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pl.Series([["a", "b"], None, []]), [["a", "b"], None, []]),
        (pl.Series([[1, -2], None, []]), [[1, -2], None, []]),
        (pl.Series([[True]]), [[True]]),
        (pl.Series([[1.5, None]]), [[1.5, None]]),
        (pl.Series([[{"Type": "ACL"}]]), ['[{"Type":"ACL"}]']),
        (pl.Series([2**63], dtype=pl.UInt64), [-(2**63)]),
        (pl.Series([65535], dtype=pl.UInt16), [65535]),
        (pl.Series(["", "é\n", None]), ["", "é\n", None]),
        (pl.Series([False, None]), [False, None]),
        (pl.Series([0.0, -1e300]), [0.0, -1e300]),
    ],
)
def test_types_of_columns(column: pl.Series, found: list[object]) -> None:
    """Integers above 2^63 wrap, as in the original; absent fields have no attribute."""
    records = otlp_records.logs(pl.DataFrame({"A": column}), 1)
    read = [attributes(LogRecord.FromString(one).attributes) for one in records]
    assert read == [{} if value is None else {"A": value} for value in found]


def test_no_flows_and_no_fields() -> None:
    assert otlp_records.logs(pl.DataFrame({"A": [1]}).clear(), 1) == []
    assert otlp_records.spans(pl.DataFrame({"A": [1]}).clear(), ["A"], 1) == []


def test_spans() -> None:
    """A parent with all fields, and a child for each prefix that the flow has."""
    flows = pl.DataFrame(
        {"SrcPort": [1, 2], "DstPort": [3, None], "Bytes": [5, 6], "SrcDstX": ["a", None]}
    )
    spans = [Span.FromString(one) for one in otlp_records.spans(flows, ["Src", "Dst"], 77)]
    assert [one.name for one in spans] == ["flp_encode", "flp_encode", "Src", "Src", "Dst"]
    one, two, src, other, dst = spans
    assert attributes(one.attributes) == {"SrcPort": 1, "DstPort": 3, "Bytes": 5, "SrcDstX": "a"}
    assert attributes(src.attributes) == {"Port": 1, "Bytes": 5, "DstX": "a"}
    assert attributes(other.attributes) == {"Port": 2, "Bytes": 6}
    assert attributes(dst.attributes) == {"Port": 3, "Bytes": 5}
    assert src.trace_id == dst.trace_id == one.trace_id != two.trace_id == other.trace_id
    assert (src.parent_span_id, other.parent_span_id) == (one.span_id, two.span_id)
    assert one.parent_span_id == b""
    assert len({span.span_id for span in spans}) == len(spans)
    assert {len(span.trace_id) for span in spans} == {16}
    assert {(span.start_time_unix_nano, span.end_time_unix_nano, span.kind) for span in spans} == {
        (77, 77, Span.SPAN_KIND_INTERNAL)
    }


def test_records_of_any_length() -> None:
    """Lengths of one, two and three bytes."""
    records = [LogRecord(severity_text="x" * n).SerializeToString() for n in (1, 200, 20_000)]
    read = ScopeLogs.FromString(otlp_records.repeated(2, records))
    assert [len(one.severity_text) for one in read.log_records] == [1, 200, 20_000]
