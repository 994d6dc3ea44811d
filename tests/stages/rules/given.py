"""Flows and rules as YAML writes them, for the tests of the rules."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from pipeline.testing import Flow, run
from stages.rules.stage import AnyRule, Rules

_GOLDEN = Path(__file__).parents[2] / "golden"
EXISTS = {"type": "remove_entry_if_exists", "input": "Flags"}
NO_BYTES = {"type": "remove_entry_if_doesnt_exist", "input": "Bytes"}

MIXED: list[Flow] = [
    {"id": 1, "Proto": 6, "DstPort": 443, "SrcK8S_Namespace": "shop", "Bytes": 10, "Ok": True},
    {"id": 2, "Proto": "6", "DstPort": "443", "SrcK8S_Namespace": "", "Bytes": "10"},
    {"id": 3, "Proto": 17, "SrcK8S_Namespace": "data", "Flags": ["SYN"], "Ok": False},
    {"id": 4, "Bytes": 10.5},
]
SAME: list[Flow] = [
    {"SrcAddr": text} for text in ("fd00::a", "FD00:0:0::A", "::ffff:10.0.0.9", "10.0.0.9", "text")
]


def stage(*rules: Flow, sampling_field: str = "") -> Rules:
    """A stage of rules as YAML writes them."""
    made = msgspec.convert(list(rules), list[AnyRule])
    return Rules(name="r", rules=made, sampling_field=sampling_field)


def applied(flow: Flow, *rules: Flow) -> Flow | None:
    """What becomes of one flow; None when it is dropped."""
    return next(iter(run(stage(*rules), [flow])), None)


def kept(*rules: Flow, flows: list[Flow] = MIXED) -> list[int]:
    return [flow["id"] for flow in run(stage(*rules), flows)]


def golden(case: str, rules: list[Flow]) -> tuple[list[Flow], list[Flow]]:
    """What rules make of the flows of a golden case, and what the original made of them."""
    flows, expected = (
        [json.loads(line) for line in (_GOLDEN / case / name).read_text().splitlines()]
        for name in ("flows.jsonl", "expected.jsonl")
    )
    present = [{name: v for name, v in flow.items() if v is not None} for flow in flows]
    return run(stage(*rules), present), expected


def add_if(rule_input: str, output: str, expression: str, assignee: str = "") -> Flow:
    return {
        "type": "add_field_if",
        "input": rule_input,
        "output": output,
        "expression": expression,
        "assignee": assignee,
    }
