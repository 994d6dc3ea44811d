"""Flows as `flowmatrix.Flow`, read by the schema that is published."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl
from google.protobuf import message_factory

from pipeline.flows.catalogue import CATALOGUE
from pipeline.flows.protobuf import NAMES, OTHER, descriptor, is_list, proto, protobuf
from pipeline.flows.values import overflow
from pipeline.testing import Flow, frame

MESSAGE: Any = message_factory.GetMessageClass(descriptor(NAMES))


def message(flow: Flow) -> Any:
    """What is written of one flow."""
    (written,) = protobuf(frame([flow]))
    return MESSAGE.FromString(written)


def other(flow: Flow) -> dict[str, Any]:
    """The fields of one flow that stand under `other`."""
    return {entry.name: json.loads(entry.json) for entry in message(flow).other}


def present(flow: Flow) -> set[str]:
    """The fields of one flow that have a field of the message."""
    return {field.name for field, _ in message(flow).ListFields()} - {OTHER}


def test_the_schema_as_text_and_the_descriptor_are_one() -> None:
    lines = re.findall(r"^  (optional|repeated) (\w+) (\w+) = (\d+);$", proto(), re.MULTILINE)
    told = {name: (int(number), kind, label) for label, kind, name, number in lines}
    types = {9: "string", 4: "uint64", 3: "int64", 5: "int32", 13: "uint32", 11: "Other"}
    made = {
        field.name: (
            field.number,
            types[field.type],
            "repeated" if field.is_repeated else "optional",
        )
        for field in descriptor(NAMES).fields
    }
    flow = proto().split("message Other")[0]
    assert {name: what for name, what in told.items() if f" {name} = " in flow} == made


def test_numbers_that_readers_rely_on() -> None:
    """A number never changes: a reader of older messages would take one field for another."""
    numbers = {field.name: field.number for field in descriptor(NAMES).fields}
    assert {n: numbers[n] for n in ("TimeFlowStartMs", "SrcAddr", "DstPort", OTHER)} == {
        "TimeFlowStartMs": 1,
        "SrcAddr": 14,
        "DstPort": 17,
        OTHER: 1000,
    }
    assert (numbers["Flags"], numbers["Bytes"], numbers["QuicSeenShortHdr"]) == (41, 42, 71)


def test_names_are_fields_of_the_catalogue_once_each() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert set(CATALOGUE) - set(NAMES) == {"NetworkEvents", "_RecordType", "_HashId", "TLSCurve"}
    assert set(NAMES) <= set(CATALOGUE)


def test_lists_are_repeated() -> None:
    assert [name for name in NAMES if is_list(name)] == [
        "IfDirections",
        "Interfaces",
        "Udns",
        "TLSTypes",
    ]


def test_values_of_the_usual_type_have_a_field_also_when_they_are_zero() -> None:
    flow: Flow = {"SrcAddr": "", "DstPort": 0, "Bytes": 2**53, "Interfaces": ["a", ""]}
    made = message(flow)
    assert present(flow) == {"SrcAddr", "DstPort", "Bytes", "Interfaces"}
    assert (made.SrcAddr, made.DstPort, made.Bytes) == ("", 0, 2**53)
    assert list(made.Interfaces) == ["a", ""]
    assert other(flow) == {}


def test_a_flow_without_fields_is_empty() -> None:
    assert protobuf(pl.DataFrame(height=2)) == [b"", b""]
    assert protobuf(pl.DataFrame({"Bytes": [None, 7]}, {"Bytes": pl.UInt64})) == [
        b"",
        b"\xd0\x02\x07",
    ]
    assert protobuf(pl.DataFrame()) == []


def test_anything_else_is_under_other() -> None:
    """Another type, an explicit null, an empty list, a list with holes, an unknown field."""
    flow: Flow = {
        "SrcPort": "many",
        "DstPort": None,
        "Interfaces": [],
        "Udns": ["a", None],
        "Flags": ["SYN"],
        "x": 1.5,
        OTHER: "a field of that name",
        "NetworkEvents": [{"Type": "acl"}],
    }
    assert other(flow) == flow
    assert present(flow) == set()


def test_what_one_flow_has_is_not_in_its_neighbour() -> None:
    flows = pl.DataFrame(
        {"SrcPort": [80, None], overflow("SrcPort"): [None, '"x"'], "Dscp": [None, 0]},
        schema={"SrcPort": pl.UInt16, overflow("SrcPort"): pl.String, "Dscp": pl.UInt8},
    )
    first, second = map(MESSAGE.FromString, protobuf(flows))
    assert [field.name for field, _ in first.ListFields()] == ["SrcPort"]
    assert [field.name for field, _ in second.ListFields()] == ["Dscp", OTHER]
    assert [(entry.name, entry.json) for entry in second.other] == [("SrcPort", '"x"')]


def test_a_descriptor_of_some_fields_keeps_their_numbers() -> None:
    some = {field.name: field.number for field in descriptor({"Bytes", "SrcAddr"}).fields}
    assert some == {"SrcAddr": 14, "Bytes": 42, OTHER: 1000}
