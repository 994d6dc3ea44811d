"""Digests of what decides a metric's values: equal where counting may go on."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.kube.subnets import Label
from pipeline.plan.compile import compile_plan
from pipeline.stage import BuildContext, Encode, Encoded, Encoder, Family, Kind, Spec
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.filter import Filter
from stages.ingest_file import IngestFile
from stages.subnet_label import SubnetLabel

LABELS = [Label("ten", ["10.0.0.0/8"])]


class Plain(Encoder, frozen=True, kw_only=True, tag="test_plain"):
    """An encoder that does not say what decides each family."""

    limit: int = 0

    def families(self) -> tuple[Family, ...]:
        return (Family("plain", Kind.COUNTER, ()),)

    def build(self, context: BuildContext) -> Encode:
        return lambda _: Encoded([])


def chains(**changes: Spec) -> dict[str, str]:
    """The digest of each metric, with stages changed by name."""
    stages: dict[str, Spec] = {
        "source": IngestFile(name="in", path="a"),
        "labels": SubnetLabel(name="subnets", follows="in", labels=LABELS),
        "keep": Filter(name="keep", follows="subnets", query="Proto=6"),
        "count": EncodePrometheus(
            name="count", follows="keep", metrics=[Metric(name="a"), Metric(name="b")]
        ),
        "plain": Plain(name="plain", follows="keep"),
        **changes,
    }
    plan = compile_plan(stages.values(), BuildContext())
    return {name: family.chain for name, (family, _) in plan.families.items()}


@pytest.mark.parametrize(
    ("changes", "restarted"),
    [
        ({"source": IngestFile(name="in", path="other")}, set()),
        ({"labels": SubnetLabel(name="subnets", follows="in", labels=LABELS * 2)}, set()),
        ({"keep": Filter(name="keep", follows="subnets", query="Proto=17")}, {"a", "b", "plain"}),
        ({"keep": Filter(name="keep", follows="in", query="Proto=6")}, {"a", "b", "plain"}),
        ({"plain": Plain(name="plain", follows="keep", limit=1)}, {"plain"}),
        ({"plain": Plain(name="renamed", follows="keep")}, set()),
        (
            {
                "count": EncodePrometheus(
                    name="count",
                    follows="keep",
                    expiry="9m",
                    metrics=[Metric(name="a", help="better"), Metric(name="b", value="Bytes")],
                )
            },
            {"b"},
        ),
    ],
)
def test_what_restarts_a_metric(changes: dict[str, Spec], restarted: set[str]) -> None:
    before, after = chains(), chains(**changes)
    assert {name for name in before if before[name] != after[name]} == restarted


def test_digests_are_hexadecimal_and_of_one_length() -> None:
    assert {len(bytes.fromhex(chain)) for chain in chains().values()} == {16}
    assert msgspec.json.encode(chains()) == msgspec.json.encode(chains())
