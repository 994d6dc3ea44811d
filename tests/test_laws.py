"""The two laws, over every stage there is: splitting a batch changes nothing; order is kept.

And what follows from them: a batch of parts, in one run, gives of each part what it gives alone.

A stage is held to them as its example configures it, over flows with the example's fields and
values among others. STAGES adds settings that examples do not show.

Batches come out of the real decoders, each part of a split decoded by itself: columns are then
typed by what the part holds, and the two halves of a batch may look quite different.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.decode import json as json_flows
from pipeline.decode import protobuf
from pipeline.flows import values
from pipeline.kafka.batch import TopicPartition
from pipeline.kube.columns import Copied
from pipeline.kube.enrich import EndFields
from pipeline.kube.index.keys import Secondary
from pipeline.kube.subnets import Label
from pipeline.plan.bisect import PoisonIsolator
from pipeline.plan.compile import compile_plan
from pipeline.plan.outcome import Outcome
from pipeline.plan.plan import Plan
from pipeline.predicate.match import Match, MatchType
from pipeline.stage import (
    BuildContext,
    Delta,
    Kind,
    Macro,
    Source,
    Spec,
    Step,
    Transform,
    registry,
)
from pipeline.state.assignment import Assignment
from pipeline.state.changelog import State
from pipeline.state.ledger import Ledger
from pipeline.testing import assert_split, numbered
from stages.conntrack.stage import Conntrack
from stages.direction import Direction
from stages.encode_kafka import EncodeKafka
from stages.encode_matrix import EncodeMatrix
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.filter import Filter
from stages.flatten import Flatten
from stages.generic import CopyRule, Generic, Policy
from stages.ingest_kafka import IngestKafka
from stages.kubernetes import Kubernetes
from stages.remap import Remap
from stages.rules.stage import AnyRule, Rules
from stages.service_name import ServiceName
from stages.subnet import Subnet
from stages.subnet_label import SubnetLabel
from stages.tcp_flags import TcpFlags
from stages.write_stdout import WriteStdout
from tests.support import examples
from tests.support.records import message_class

FOLDER = Path(__file__).parent / "golden" / "k8s-basic"
FEWER = settings(max_examples=settings().max_examples // 4)
UNLAWFUL = {
    "aggregates": "it reports every group after each batch",
    "timebased": "it reports every group after each batch",
}
"""Stages whose output depends on how flows were split into batches, and why it must."""

EXAMPLES = [
    tag
    for tag, kind in registry().items()
    if not issubclass(kind, Macro | Source) and tag not in UNLAWFUL
]
PLACE = "TimeFlowStartMs"
"""Where each flow holds its place in the batch; no stage here writes it."""

RULES = [
    {"type": "keep_entry_query", "query": 'DstPort!=1 or A="x"', "sampling": 2},
    {"type": "remove_entry_if_equal", "input": "Proto", "value": 17},
    {"type": "add_field_if_doesnt_exist", "input": "K8S_ClusterName", "value": "c"},
    {"type": "add_regex_if", "input": "A", "output": "A_x", "expression": "^x"},
    {"type": "add_label", "input": "B", "value": 4},
    {"type": "remove_field", "input": "Udns"},
]
COUNTED = [
    Metric(name="flows", labels=["Flags", "A", "SrcAddr", "Interfaces", "NetworkEvents"]),
    Metric(name="bytes", value="Bytes", labels=["DstPort"]),
    Metric(name="last", type=Kind.GAUGE, value="A", labels=["Proto"]),
    Metric(name="sizes", type=Kind.HISTOGRAM, value="Packets", divider=2, buckets=[1, 64]),
]
CONNECTIONS = {
    "name": "s",
    "type": "conntrack",
    "groups": {"a": ["SrcAddr", "A"], "b": ["DstAddr", "B"], "c": ["Proto"]},
    "keys": {"groups": ["c"], "a": "a", "b": "b"},
    "records": ["newConnection", "flowLog", "heartbeat", "endConnection"],
    "outputs": [
        {"name": "Bytes", "operation": "sum", "split": True},
        {"name": "Packets", "operation": "max", "report_missing": True},
        {"name": "first", "operation": "first", "input": "Interfaces"},
        {"name": "last", "operation": "last", "input": "DstPort"},
    ],
    "scheduling": [{"selector": {"Proto": 17, "A": "x"}}, {}],
    "tcp_flags": {"field": "Flags", "detect_end": True, "swap": True},
    "max_connections": 3,
}
STAGES: list[Spec] = [
    msgspec.convert(CONNECTIONS, Conntrack),
    Direction(name="s", output="A", source_host="SrcAddr", interface_direction="B"),
    Filter(name="s", match=[Match(field="Flags", value="SYN"), Match(field="A", value="$(B)")]),
    Filter(name="s", match=[Match(field="A", type=MatchType.NOT_MATCH_REGEX, value="1|x")]),
    Filter(name="s", query='(DstPort>=443 or with(B)) and A!="x" and SrcAddr=~"^10"'),
    Flatten(name="s", fields=["Flags"]),
    Flatten(name="s", fields=["NetworkEvents", "A", "Interfaces", "IfDirections"]),
    Generic(
        name="s",
        rules=[CopyRule(input="Bytes", output="A", multiplier=8), CopyRule(input="A", output="B")],
    ),
    Generic(name="s", rules=[CopyRule(input=PLACE, output=PLACE)], policy=Policy.REPLACE),
    Kubernetes(name="s", inventory="kube.yaml", zone=True, climb_further=True),
    Kubernetes(
        name="s",
        inventory="kube.yaml",
        secondary_networks=[Secondary(mac=True)],
        ends=[
            EndFields("SrcAddr", "A", mac="SrcMac", labels=Copied("B")),
            EndFields("DstAddr", "d.", assignee="otel"),
        ],
    ),
    Remap(name="s", map={"A": "B", "B": ["A", "DstPort"], "Flags": "F"}),
    Remap(name="s", map={PLACE: PLACE, "Absent": "Z"}, only=True),
    Rules(name="s", rules=msgspec.convert(RULES, list[AnyRule])),
    ServiceName(name="s", input="DstPort", output="A", protocol="Proto"),
    Subnet(name="s", input="SrcAddr", output="A", mask="/24"),
    SubnetLabel(
        name="s", labels=[Label("ten", ["10.0.0.0/8"]), Label("all", ["0.0.0.0/0", "::/0"])]
    ),
    TcpFlags(name="s", input="PktDropLatestFlags", output="A"),
    WriteStdout(name="s"),
    WriteStdout(name="s", format="printf"),
    WriteStdout(name="s", format="fields"),
    EncodeKafka(name="s", brokers=["localhost:9092"], topic="t"),
    EncodePrometheus(name="s", metrics=COUNTED, max_series=6, max_series_per_metric=4),
]

ADDRESSES = ["10.128.0.14", "10.0.1.10", "10.129.0.20", "172.30.0.1", "::ffff:10.0.0.1", "", "x"]
TEXTS = ["", "x", "1", "443", "SYN", "1e3", "NaN", "\u00e9\u4e2d", 'a"\\\n', "<nil>"]
DOUBLES = [0.0, -0.0, 1.5, 1e-6, 1e-7, 1.5e20, 1e300]
SCALARS = st.sampled_from(
    [None, True, False, 0, 1, 2, 18, 443, 70_000, -1, 2**53 + 1, 2**64, *DOUBLES, *TEXTS]
)
LISTS = st.lists(SCALARS | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2), max_size=3)
NAMES = st.lists(st.sampled_from(["SYN", "ACK", "eth0", ""]), max_size=3)
ANY = SCALARS | LISTS | st.dictionaries(st.sampled_from("ab"), LISTS | SCALARS, max_size=2)
EVENTS = st.lists(st.dictionaries(st.sampled_from(["Type", "Name", "x"]), st.sampled_from(TEXTS)))
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "SrcAddr": st.sampled_from(ADDRESSES),
    "DstAddr": st.sampled_from(ADDRESSES),
    "SrcMac": st.sampled_from(["02:aa:bb:cc:dd:01", "ff:ff:ff:ff:ff:ff"]),
    "AgentIP": st.sampled_from(ADDRESSES),
    "SrcK8S_HostIP": st.sampled_from(ADDRESSES),
    "DstK8S_HostIP": st.sampled_from(ADDRESSES),
    "SrcK8S_Namespace": st.sampled_from(["default", "openshift-dns", "shop"]),
    "SrcK8S_Name": st.sampled_from(["kubernetes", "web"]),
    "DstPort": st.sampled_from([1, 53, 443, "443", 40_000]),
    "Proto": st.sampled_from([6, 17, "6"]),
    "Bytes": st.integers(0, 2**40),
    "Packets": st.integers(0, 2**20),
    "Flags": st.sampled_from([0, 2, 530, 65_535]) | NAMES,
    "PktDropLatestFlags": st.sampled_from([0, 2, 16]),
    "IfDirections": st.lists(st.integers(0, 1), max_size=2),
    "Interfaces": NAMES,
    "Udns": NAMES,
    "NetworkEvents": EVENTS,
    "FlowDirection": st.integers(0, 2),
    "A": ANY,
    "B": ANY,
}
FLOW = st.fixed_dictionaries({}, optional={name: usual | ANY for name, usual in USUAL.items()})


CONTEXT = BuildContext(folder=FOLDER, clock=lambda: 0.0)


Split = tuple[pl.DataFrame, list[pl.DataFrame]]
"""A batch and its parts."""


@st.composite
def records(draw: st.DrawFn) -> Any:
    """A message of the agent, with or without each part."""
    record = message_class()(
        eth_protocol=draw(st.sampled_from([0x0800, 0x86DD, 0])),
        flags=draw(st.sampled_from([0, 2, 530, 2**20])),
        bytes=draw(st.sampled_from([0, 1, 2**40])),
        packets=draw(st.integers(0, 5)),
        pkt_drop_latest_flags=draw(st.sampled_from([0, 2])),
        pkt_drop_latest_drop_cause=draw(st.sampled_from([0, 2])),
    )
    if draw(st.booleans()):
        record.network.src_addr.ipv4 = draw(st.sampled_from([0x0A80000E, 0x0A00010A]))
        record.network.dst_addr.ipv6 = draw(st.sampled_from([bytes(16), b"\xfd" * 16]))
    if draw(st.booleans()):
        record.transport.protocol = draw(st.sampled_from([1, 6, 17]))
        record.transport.dst_port = draw(st.sampled_from([53, 443, 70_000]))
    for name in draw(NAMES):
        record.dup_list.add(interface=name, direction=1, udn=name)
    for event in draw(EVENTS):
        entries = record.network_events_metadata.add().events
        for key, value in event.items():
            entries.add(key=key, value=value)
    return record


def splits(flow: st.SearchStrategy[dict[str, Any]] = FLOW) -> st.SearchStrategy[Split]:
    """A batch, and the same flows in up to four parts, some of them empty."""
    return st.composite(lambda draw: _split(draw, flow))()


def _split(draw: st.DrawFn, flow: st.SearchStrategy[dict[str, Any]]) -> Split:
    kind = draw(st.sampled_from(["json", "protobuf", "both"]))
    count = draw(st.integers(0, 6))
    cuts = [0, *sorted(draw(st.lists(st.integers(0, count), max_size=3))), count]
    flows = draw(st.lists(flow, min_size=count, max_size=count)) if kind != "protobuf" else []
    messages = draw(st.lists(records(), min_size=count, max_size=count)) if kind != "json" else []
    texts = [msgspec.json.encode(flow | {PLACE: place}) for place, flow in enumerate(flows)]
    for place, message in enumerate(messages):
        message.time_flow_start.nanos = place * 1_000_000
    payloads = [message.SerializeToString() for message in messages]

    def decoded(start: int, end: int) -> pl.DataFrame:
        parts = [json_flows.decoder(CONTEXT)(texts[start:end]).flows] if kind != "protobuf" else []
        parts += [protobuf.decoder(CONTEXT)(payloads[start:end]).flows] if kind != "json" else []
        joined = values.concat(parts)
        return joined.sort(PLACE, maintain_order=True) if joined.height else joined

    return decoded(0, count), [decoded(a, b) for a, b in pairwise(cuts)]


def assert_laws(stage: Spec, split: Split, folder: Path) -> None:
    whole, parts = split
    starts = accumulate((part.height for part in parts), initial=0)
    several = [numbered(part, start) for part, start in zip(parts, starts, strict=False)]
    context = BuildContext(folder=folder, clock=lambda: 0.0)  # write_stdout prints the time
    assert_split(stage, numbered(whole), several, context, PLACE)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.type)
@FEWER
@given(split=splits())
def test_both_laws(stage: Spec, split: Split) -> None:
    assert_laws(stage, split, FOLDER)


class Exemplary(NamedTuple):
    """A stage as its example configures it, where its files are, and batches of such flows."""

    stage: Spec
    folder: Path
    splits: st.SearchStrategy[Split]


@pytest.fixture(scope="module", params=EXAMPLES)
def exemplary(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Exemplary:
    kind, folder = registry()[request.param], tmp_path_factory.mktemp("example")
    [stage] = [stage for stage in examples.stages(kind, folder) if isinstance(stage, kind)]
    seen: dict[str, list[Any]] = {}
    for line in examples.example_of(kind).flows.splitlines():
        for name, value in json.loads(line).items():
            seen.setdefault(name, []).append(value)
    own = {name: st.sampled_from(found) | ANY for name, found in seen.items()}
    usual = {name: usual | ANY for name, usual in USUAL.items()}
    return Exemplary(stage, folder, splits(st.fixed_dictionaries({}, optional=usual | own)))


@FEWER
@given(data=st.data())
def test_both_laws_as_in_the_example(exemplary: Exemplary, data: st.DataObject) -> None:
    assert_laws(exemplary.stage, data.draw(exemplary.splits), exemplary.folder)


# -- parts of a batch

SOURCE = IngestKafka(name="in", brokers=["b"], topics=["t"], decoder="json")
TRANSFORMS = [stage for stage in STAGES if isinstance(stage, Transform)]
TRANSFORMS.append(Flatten(name="s", fields=["Interfaces"]))
SOUND = [metric for metric in COUNTED if not metric.value]


class Unaware(EncodePrometheus, frozen=True, kw_only=True, tag="test_unaware"):
    """An encoder as others write it, which knows nothing of parts."""

    knows_parts: ClassVar[bool] = False


class Narrow(Transform, frozen=True, kw_only=True, tag="test_narrow"):
    """A transform that loses the columns of the engine."""

    def build(self, context: BuildContext) -> Step:
        return lambda flows: flows.select("DstPort")


def plan_of(*behind: Spec) -> Plan:
    """What these stages give is counted in every way, and published."""
    last = behind[-1].name if behind else "in"
    between = [msgspec.structs.replace(stage, follows="in") for stage in behind]
    return compile_plan(
        [
            SOURCE,
            *between,
            EncodePrometheus(name="all", follows=last, metrics=SOUND, max_series=6),
            EncodePrometheus(name="sums", follows=last, prefix="s_", metrics=COUNTED),
            Unaware(name="other", follows=last, prefix="other_", metrics=SOUND),
            EncodeMatrix(name="edges", follows=last),
            EncodeKafka(name="out", follows=last, brokers=["b"], topic="out"),
        ],
        CONTEXT,
    )


def series(plan: Plan, deltas: Sequence[Delta]) -> dict[str, str]:
    """What deltas make of a ledger, by family; as text, in which NaN equals itself."""
    ledger = Ledger(plan.families)
    ledger.merge(deltas, 0.0)
    return {table.family.name: repr(table.series().rows()) for table in ledger.tables()}


def series_by_part(plan: Plan, deltas: Sequence[Delta], parts: int) -> list[dict[str, str]]:
    """By metric, the series that deltas of a batch of so many parts make in each partition."""
    assignment = Assignment(plan.families)
    wheres = [TopicPartition("t", number) for number in range(parts)]
    for where in wheres:
        assignment.restore(where, State(None, [], 0, frozenset()), 1, 0)
    assignment.count_parts(dict.fromkeys(wheres, 1), [*deltas], 0.0)
    taken = assignment.snapshot()
    return [
        {table.family.name: repr(table.series().rows()) for table in taken[where][1].tables}
        for where in wheres
    ]


def together(plan: Plan, parts: Sequence[list[bytes]]) -> Outcome | None:
    """The parts as one batch."""
    sizes, payloads = [len(part) for part in parts], [p for part in parts for p in part]
    return PoisonIsolator().run_parts(plan, "in", payloads, sizes)


def published(outcomes: Sequence[Outcome]) -> list[Any]:
    """The records, in order."""
    return [record for one in outcomes for _, some in one.records for record in some]


PLANS = {f"{number} {type(s).__name__}": plan_of(s) for number, s in enumerate(TRANSFORMS)}


@pytest.mark.parametrize("name", PLANS)
@settings(max_examples=max(3, settings().max_examples // 16))
@given(
    flows=st.lists(st.one_of(FLOW.map(msgspec.json.encode), st.just(b"no json")), max_size=6),
    cuts=st.lists(st.integers(0, 6), max_size=3),
)
def test_each_part_gives_what_it_gives_alone(
    name: str, flows: list[bytes], cuts: list[int]
) -> None:
    """Behind every transform there is; messages that are rejected go to their part as well."""
    plan = PLANS[name]
    cuts = sorted(min(cut, len(flows)) for cut in cuts)
    parts = [flows[a:b] for a, b in pairwise([0, *cuts, len(flows)])]
    whole = together(plan, parts)
    starts = [0, *cuts]
    alone = [plan.run("in", part, first) for part, first in zip(parts, starts, strict=True)]
    if whole is None:
        assert any(reject.index < 0 for one in alone for reject in one.rejects)
        return
    for own, one in zip(whole.apart([len(part) for part in parts]), alone, strict=True):
        assert (own.messages, own.rejects) == (one.messages, one.rejects)
    counted = series_by_part(plan, whole.deltas, len(parts))
    assert counted == [series(plan, one.deltas) for one in alone]
    assert published([whole]) == published(alone)
    for stage, counts in whole.counts.items():
        for field in ("flows_in", "flows_out", "filtered", "rejected"):
            found = sum(getattr(one.counts[stage], field) for one in alone if stage in one.counts)
            assert getattr(counts, field) == found, (stage, field)


def test_without_a_message_nothing_is_run() -> None:
    whole = together(plan_of(), [[], []])
    assert whole
    assert [one.messages for one in whole.apart([0, 0])] == [0, 0]


def test_a_flow_that_is_rejected_is_of_no_part_that_is_known() -> None:
    """So each part is run by itself, and nothing was counted before."""
    assert together(plan_of(), [[b'{"Bytes":-1}'], [b'{"Bytes":1}']]) is None


def test_where_a_stage_remembers_each_part_is_run_by_itself() -> None:
    plan = plan_of(msgspec.convert(CONNECTIONS, Conntrack))
    assert together(plan, [[b'{"Bytes":1}'], [b'{"Bytes":1}']]) is None


def test_a_stage_that_loses_the_part_costs_a_run_and_no_flow() -> None:
    assert together(plan_of(Narrow(name="s")), [[b'{"DstPort":1}'], [b'{"DstPort":1}']]) is None
