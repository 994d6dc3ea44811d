"""The JSON documents of a run: from the plan and the counts at that moment."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
import pytest

from pipeline.api.server import UnansweredError
from pipeline.app.documents import documents
from pipeline.kube.api.objects import of as objects_of
from pipeline.kube.subnets import Label, described
from pipeline.plan.compile import compile_plan
from pipeline.plan.live import ActivePlan
from pipeline.stage import BuildContext, ResourcePool, Spec
from pipeline.state.ledger import Ledger
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.ingest_file import IngestFile
from stages.subnet_label import SubnetLabel

LABEL = Label("ten", ["10.0.0.0/8"])


def answer(name: str, query: dict[str, str] | None = None, *more: Spec) -> object:
    stages: list[Spec] = [
        IngestFile(name="in", path="x", decoder="json"),
        EncodePrometheus(name="e", follows="in", metrics=[Metric(name="m", labels=["A"])]),
        *more,
    ]
    live = ActivePlan(compile_plan(stages, BuildContext()))
    ledger = Ledger(live.plan.families)
    made = documents(live, ledger, ResourcePool())
    ledger.merge(live.plan.run("in", [b'{"A":"x"}']).deltas, 5.0)
    return msgspec.to_builtins(made[name](query or {}))


def test_without_a_group_there_are_no_positions() -> None:
    assert answer("progress") == {"partitions": []}
    totals = answer("totals")
    assert isinstance(totals, dict)
    assert (totals["partitions"], totals["topics"]) == ([], {})
    assert [family["family"]["name"] for family in totals["families"]] == ["m"]
    assert answer("series") == totals["families"]
    assert answer("flowmetrics") == []


def test_who_asks_the_stages() -> None:
    subnets = SubnetLabel(name="s", follows="in", labels=[LABEL])
    assert answer("who", {"address": "10.1.2.3"}, subnets) == {
        "address": "10.1.2.3",
        "lines": [("subnet label", "ten: 10.0.0.0/8, first in list order (label 1 of 1, listed)")],
        "found": True,
    }


def test_labels_as_a_flowcollector_has_them() -> None:
    """Listed ones too, and no others: nothing is to be detected."""
    stage = SubnetLabel(name="s", follows="in", labels=[LABEL])
    found = answer("labels", None, stage)
    assert isinstance(found, dict)
    assert described([objects_of(found)], []) == [LABEL]
    assert described([objects_of(answer("labels"))], []) == []


@pytest.mark.parametrize("name", ["who", "inventory"])
def test_a_plan_that_knows_no_addresses(name: str) -> None:
    with pytest.raises(UnansweredError) as refused:
        answer(name, {"address": "10.1.2.3"})
    assert refused.value.status == HTTPStatus.NOT_FOUND
