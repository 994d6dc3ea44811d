"""Conntrack, aggregates and timebased stages that hypothesis makes, and flows for them.

All flows of an example are one batch. Nothing ends in the time of an example, and no two groups of
a `topK` have the same result: which of them is reported is left open.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.peer.pipelines import Pipeline, prepared

_ADDRESS = st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1"])
_PORT = st.sampled_from([80, 443, 40000, 40001])
flow = st.fixed_dictionaries(
    {"Bytes": st.integers(0, 5000)},
    optional={
        "SrcAddr": _ADDRESS,
        "DstAddr": _ADDRESS,
        "SrcPort": _PORT,
        "DstPort": _PORT,
        "Proto": st.sampled_from([6, 6, 17, 132, 1]),
        "Packets": st.one_of(st.integers(0, 50), st.sampled_from([0.5, 1.25])),
        "Flags": st.sampled_from([2, 16, 18, 256, 272, 24]),
        "SrcK8S_Namespace": st.sampled_from(["a", "b", "a b", ""]),
        "Duplicate": st.booleans(),
    },
)
flows = st.lists(flow, min_size=1, max_size=30).map(
    lambda made: "".join(f"{json.dumps(one)}\n" for one in made)
)
_keys = st.lists(
    st.sampled_from(["SrcAddr", "DstPort", "SrcK8S_Namespace", "Proto"]),
    min_size=1,
    max_size=2,
    unique=True,
)


@st.composite
def _conntrack(draw: st.DrawFn) -> dict[str, Any]:
    groups = [
        {"name": "src", "fields": ["SrcAddr", "SrcPort"]},
        {"name": "dst", "fields": ["DstAddr", "DstPort"]},
        {"name": "protocol", "fields": ["Proto"]},
    ]
    both = draw(st.booleans())
    hashed: dict[str, Any] = {"fieldGroupRefs": ["protocol"]}
    if both:
        hashed |= {"fieldGroupARef": "src", "fieldGroupBRef": "dst"}
    else:
        hashed["fieldGroupRefs"] = draw(st.permutations(["protocol", "src", "dst"]))
    kinds = st.sampled_from(["newConnection", "flowLog", "endConnection"])
    scheduling = [{"endConnectionTimeout": "1h", "heartbeatInterval": "1h"}]
    if draw(st.booleans()):
        scheduling.insert(0, {"selector": {"Proto": 17}, **scheduling[0]})  # type: ignore[dict-item]
    own: dict[str, Any] = {
        "keyDefinition": {"fieldGroups": groups, "hash": hashed},
        "outputRecordTypes": draw(st.lists(kinds, min_size=1, max_size=3, unique=True)),
        "outputFields": draw(_output_fields(both=both)),
        "scheduling": scheduling,
    }
    if both and draw(st.booleans()):
        own["tcpFlags"] = {"fieldName": "Flags", "swapAB": True, "detectEndConnection": True}
    return {"extract": {"type": "conntrack", "conntrack": own}}


@st.composite
def _output_fields(draw: st.DrawFn, *, both: bool) -> list[dict[str, Any]]:
    fields = []
    for index in range(draw(st.integers(1, 4))):
        operation = draw(st.sampled_from(["sum", "count", "min", "max", "first", "last"]))
        field: dict[str, Any] = {"name": f"f{index}", "operation": operation}
        field["input"] = draw(
            st.sampled_from(["Bytes", "Packets" if operation == "sum" else "Bytes"])
        )
        if both and operation in {"sum", "count"}:
            field["splitAB"] = draw(st.booleans())
        fields.append(field)
    return fields


@st.composite
def _aggregates(draw: st.DrawFn) -> dict[str, Any]:
    rules = [
        {
            "name": f"r{index}",
            "groupByKeys": draw(_keys),
            "operationType": draw(
                st.sampled_from(["sum", "min", "max", "avg", "count", "raw_values"])
            ),
            "operationKey": draw(st.sampled_from(["Bytes", "Packets"])),
        }
        for index in range(draw(st.integers(1, 3)))
    ]
    return {"extract": {"type": "aggregates", "aggregates": {"rules": rules}}}


@st.composite
def _timebased(draw: st.DrawFn) -> dict[str, Any]:
    rules = [
        {
            "name": f"r{index}",
            "indexKeys": draw(_keys),
            "operationType": draw(
                st.sampled_from(["sum", "min", "max", "avg", "count", "diff", "last"])
            ),
            "operationKey": "Bytes",
            "timeInterval": "1h",
        }
        for index in range(draw(st.integers(1, 2)))
    ]
    return {"extract": {"type": "timebased", "timebased": {"rules": rules}}}


_VALUES = ["Bytes", "f0", "f0_AB", "total_value", "recent_count", "recent_op_value"]
_METRICS: list[dict[str, Any]] = [
    {
        "name": f"c_{value}",
        "type": "histogram",
        "valueKey": value,
        "labels": ["SrcAddr", "_RecordType"],
    }
    for value in _VALUES
] + [
    {"name": "raw", "type": "agg_histogram", "valueKey": "recent_raw_values", "labels": ["name"]},
    {"name": "records", "type": "counter", "labels": ["name", "_RecordType", "operation_type"]},
]


def _before_the_ends(stage: dict[str, Any]) -> Pipeline:
    parameters = [
        {"name": "in", "ingest": {"type": "stdin"}},
        {"name": "x", **stage},
        {"name": "prom", "encode": {"type": "prom", "prom": {"metrics": _METRICS}}},
        {"name": "out", "write": {"type": "stdout", "stdout": {"format": "json"}}},
    ]
    edges = [("x", "in"), ("prom", "x"), ("out", "x")]
    return prepared([{"name": name, "follows": after} for name, after in edges], parameters)


pipelines = st.one_of(_conntrack(), _aggregates(), _timebased()).map(_before_the_ends)
