"""Lists used as labels, and fields that no flow has where a stage names them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline import config
from pipeline.plan import fields
from pipeline.stage import (
    Source,
    Spec,
)
from tests.plan.specs import Many, Out, Split


class In(Source, frozen=True, kw_only=True, tag="in"):
    decoder: str = "json"


def warnings(*stages: Spec) -> list[str]:
    return [
        f"{name}: {problem.severity}: {problem.message}; {problem.hint}"
        for name, problem in fields.field_warnings(stages)
    ]


def test_lists_as_labels() -> None:
    flags = 'label "Flags" is a list; flatten Flags in a stage before'
    events = 'label "NetworkEvents>Type" is a list'
    out = Out(name="out", follows="split", labels=("Flags", "SrcAddr", "NetworkEvents>Type"))
    source, split = In(name="in"), Split(name="split", follows="in", field="Flags")
    assert [w.split(";")[0] for w in warnings(out, split, source)] == [f"out: warning: {events}"]
    both = Out(name="out", follows=["split", "in"], labels=("Flags",))
    assert warnings(source, split, both) == [f"out: warning: {flags}"]
    behind = Out(name="out", follows="m", labels=("Flags",))
    assert warnings(source, Many(name="m", follows="in"), behind) == []


def test_misspelt_fields() -> None:
    """Flows of JSON may have any field, so that only what is nearly a known one is told."""
    source, split = In(name="in"), Split(name="split", follows="in", field="DstPorts")
    labels = ("SrcAdr", "DstPorts", "SrcAddr", "DstPorts_x", "tenant")
    out = Out(name="out", follows="in", labels=labels)
    assert warnings(source, out) == [
        'out: warning: "SrcAdr" is not a known field; did you mean "SrcAddr"?',
        'out: warning: "DstPorts" is not a known field; did you mean "DstPort"?',
        'out: warning: "DstPorts_x" is not a known field; did you mean "DstPort"?',
    ]
    behind = msgspec.structs.replace(out, follows="split")
    assert warnings(source, split, behind) == [
        'out: warning: "SrcAdr" is not a known field; did you mean "SrcAddr"?'
    ]
    assert warnings(source, Many(name="m", follows="in"), Out(name="o", follows="m")) == []


def test_fields_of_protobuf_are_those_of_the_catalogue() -> None:
    out = Out(name="out", follows="in", labels=("tenant", "Bytes", "NetworkEvents>x"))
    assert [
        text for text in warnings(In(name="in", decoder="protobuf"), out) if "list" not in text
    ] == ['out: warning: "tenant" is not a known field; no stage before this one makes it']
    mixed = msgspec.structs.replace(out, follows=["in", "json"], labels=("tenant",))
    assert warnings(In(name="in", decoder="protobuf"), In(name="json"), mixed) == []


def test_the_catalogue_knows_its_lists() -> None:
    assert {
        "Flags",
        "Interfaces",
        "Udns",
        "NetworkEvents",
        "TLSTypes",
        "IfDirections",
    } == fields.LISTS


KAFKA = {"type": "ingest_kafka", "brokers": ["b:9092"], "topics": ["t"], "decoder": "protobuf"}
CONNECTIONS = {
    "type": "conntrack",
    "groups": {"all": ["SrcAddr"]},
    "keys": {"groups": ["all"]},
    "records": ["endConnection"],
    "outputs": [{"name": "sum", "operation": "sum", "input": "Bytes"}],
}
GROUPED = {
    "type": "aggregates",
    "rules": [{"name": "r", "by": ["SrcAddr", "Proto"], "operation": "sum", "value": "Bytes"}],
}
WINDOWS = {**GROUPED, "type": "timebased"}


def named(name: str) -> dict[str, Any]:
    return {"type": "filter", "match": [{"field": name, "type": "presence"}]}


@pytest.mark.parametrize(
    ("stages", "found"),
    [
        ([{"type": "generic", "rules": [{"input": "FlowDirection", "output": "host.direction"}]},
          named("host.direction")], []),
        ([{"type": "generic", "policy": "replace_keys",
           "rules": [{"input": "Bytes", "output": "bytes"}]}, named("SrcAddr"), named("bytes")],
         ['"SrcAddr" is not a known field; no stage before this one makes it']),
        ([{"type": "remap", "map": {"Bytes": "size"}}, named("size")], []),
        ([{"type": "remap", "only": True, "map": {"Bytes": "size"}}, named("sizes")],
         ['"sizes" is not a known field; did you mean "size"?']),
        ([named("tenant"), named("SrcPrt")],
         ['"tenant" is not a known field; no stage before this one makes it',
          '"SrcPrt" is not a known field; did you mean "SrcPort"?']),
        ([{"type": "rules", "rules": [
            {"type": "remove_entry_if_exists", "input": "tenant"},
            {"type": "add_field", "input": "tenant", "value": "a"},
            {"type": "add_field_if", "input": "tenant", "output": "own", "expression": "== 'a'"},
            {"type": "remove_entry_if_exists", "input": "own_Evaluate"},
            {"type": "add_label", "input": "a", "value": "b"}]},
          named("own_Evaluate"), named("labels"), named("a")],
         ['"tenant" is not a known field; no stage before this one makes it',
          '"a" is not a known field; no stage before this one makes it']),
        ([{"type": "kubernetes", "inventory": "kube.yaml",
           "ends": [{"address": "SrcAddr", "output": "Peer"}]}, named("Peer_Name")], []),
        ([CONNECTIONS, named("_IsFirst"), named("sum"), named("DstAddr")],
         ['"DstAddr" is not a known field; did you mean "SrcAddr"?']),
        ([GROUPED, named("recent_op_value"), named("SrcAddr_Proto"), named("Packets")],
         ['"Packets" is not a known field; no stage before this one makes it']),
        ([WINDOWS, named("index_key"), named("Bytes")], []),
        ([{"type": "flatten", "fields": ["Interfaces", "Flagz"]}, named("Flagz>x")],
         ['"Flagz" is not a known field; did you mean "Flags"?']),
    ],
    ids=lambda value: value[0]["type"] if value and isinstance(value[0], dict) else "",
)  # fmt: skip
def test_stages_after_one_another(
    stages: list[dict[str, Any]], found: list[str], tmp_path: Path
) -> None:
    (tmp_path / "kube.yaml").write_text("[]")
    names = [f"s{index}" for index in range(len(stages) + 2)]
    written = [KAFKA, *stages, {"type": "write_stdout"}]
    text = json.dumps(
        {
            "stages": [
                {"name": name, **stage, **({"follows": names[index - 1]} if index else {})}
                for index, (name, stage) in enumerate(zip(names, written, strict=True))
            ]
        }
    )
    loaded = config.loads(text, "f", tmp_path)
    said = [f"{one.problem.message}; {one.problem.hint}" for one in loaded.warnings]
    assert [text for text in said if "known field" in text] == found


OPERATOR = """
pipeline:
- {name: otel, follows: in}
- {name: kept, follows: otel}
- {name: out, follows: kept}
parameters:
- {name: in, ingest: {type: grpc, grpc: {port: 2055}}}
- name: otel
  transform:
    type: generic
    generic: {policy: replace_keys, rules: [{input: FlowDirection, output: host.direction}]}
- name: kept
  transform:
    type: filter
    filter: {rules: [{type: remove_entry_if_exists, removeEntry: {input: host.direction}},
                     {type: remove_entry_if_exists, removeEntry: {input: host.directio}}]}
- {name: out, write: {type: stdout}}
"""


def test_the_dialect() -> None:
    """What a generic stage makes is known behind it, and nothing else is."""
    loaded = config.loads(OPERATOR, "f")
    said = [str(one).removeprefix("f:").split(": ", 1) for one in loaded.warnings]
    place, message = next(pair for pair in said if "known field" in pair[1])
    assert place == "16:74"
    assert message.endswith('"host.directio" is not a known field; did you mean "host.direction"?')
    assert sum("known field" in text for _, text in said) == 1
