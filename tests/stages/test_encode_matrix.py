"""Flows to facts of edges: which end is the server, who is where, what is counted, and limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows import tcp
from pipeline.stage import BuildContext, Delta
from pipeline.stage.days import dates
from pipeline.state.ledger import Ledger
from pipeline.state.series_rows import OVERFLOW, TIMES
from pipeline.testing import Flow, assert_laws, frame
from stages.encode_matrix import EncodeMatrix

POD, SERVER = "10.128.0.14", "10.129.0.20"
WEB: Flow = {
    "SrcAddr": POD,
    "SrcK8S_OwnerType": "Deployment",
    "SrcK8S_Namespace": "shop",
    "SrcK8S_OwnerName": "web",
}
DB: Flow = {
    "DstAddr": SERVER,
    "DstK8S_OwnerType": "StatefulSet",
    "DstK8S_Namespace": "data",
    "DstK8S_OwnerName": "db",
}
TO_DB: Flow = {**WEB, **DB, "Proto": 6, "SrcPort": 45_678, "DstPort": 5432}
ENDS = {
    "client_kind": "Deployment",
    "client_namespace": "shop",
    "client_workload": "web",
    "server_kind": "StatefulSet",
    "server_namespace": "data",
    "server_workload": "db",
}
SYN, ACK, SYN_ACK, RST, RST_ACK = (
    tcp.BITS[name] for name in ("SYN", "ACK", "SYN_ACK", "RST", "RST_ACK")
)


def reply(flow: Flow, **fields: Any) -> Flow:
    """The same flow the other way."""
    swapped = {"Src": "Dst", "Dst": "Src"}
    turned = {re.sub("Src|Dst", lambda end: swapped[end[0]], name): v for name, v in flow.items()}
    return turned | fields


def facts(
    flows: Sequence[Flow], family: str = "matrix_edges", **settings: Any
) -> list[dict[str, Any]]:
    """The rows of a family after one batch: labels that are not empty, facts that are not 0."""
    stage = EncodeMatrix(name="edges", follows="flows", **settings)
    ledger = Ledger({one.name: (one, stage.policy()) for one in stage.families()})
    encoded = stage.build(BuildContext())(frame(flows))
    assert encoded.rejected == ()
    ledger.merge(encoded.deltas, 1_000.0)
    [table] = [table for table in ledger.tables() if table.family.name == family]
    rows = table.series().drop(TIMES).iter_rows(named=True)
    return [
        {name: value for name, value in row.items() if value not in {"", 0, None}} for row in rows
    ]


def edge(flow: Flow) -> dict[str, Any]:
    [row] = facts([flow])
    return row


def attributes(flows: Sequence[Flow]) -> set[tuple[str, str, int]]:
    return {
        (row["attribute"], row["value"], row["flows"]) for row in facts(flows, "matrix_attributes")
    }


def test_a_connection_is_one_edge_whatever_way_its_flows_go() -> None:
    """Owners at both ends, the server's port and no client port, bytes and packets both ways."""
    there = {**TO_DB, "Flags": SYN | ACK, "Bytes": 600, "Packets": 6}
    back = reply(there, Flags=SYN_ACK | ACK, Bytes=4_000, Packets=5)
    key = ENDS | {"protocol": "TCP", "port": "5432"}
    ports = {"client_port_min": 45_678, "client_port_max": 45_678}
    assert facts([there, back]) == [
        key | ports | {"evidence": "syn", "flows": 1, "bytes": 600, "packets": 6, "syn": 1},
        key
        | ports
        | {"evidence": "syn_ack", "reply_flows": 1, "reply_bytes": 4_000, "reply_packets": 5}
        | {"syn_ack": 1},
    ]


@pytest.mark.parametrize(
    ("fields", "evidence"),
    [
        ({"Flags": SYN}, "syn"),
        ({"Flags": SYN | ACK | 512}, "syn"),
        ({"Flags": ["SYN", "ACK"]}, "syn"),
        ({"Flags": "SYN"}, "syn"),
        ({"Flags": ACK}, "well_known"),
        ({"Flags": 0}, "well_known"),
        ({}, "well_known"),
        ({"DstPort": 12_345}, "range"),
        ({"SrcPort": 20_000, "DstPort": 443}, "well_known"),
        ({"SrcPort": 20_000, "DstPort": 12_345, "Flags": SYN}, "syn"),
        ({"Proto": 17, "DstPort": 53}, "well_known"),
        ({"Proto": 17, "DstPort": 30_000}, "range"),
        ({"Proto": 132, "DstPort": 12_345}, "range"),
    ],
)
def test_the_source_is_the_client(fields: Flow, evidence: str) -> None:
    flow = TO_DB | fields
    found = edge(flow)
    assert ENDS.items() <= found.items()
    assert (found.get("evidence", ""), found["port"]) == (evidence, str(flow["DstPort"]))
    assert found["flows"] == 1


@pytest.mark.parametrize(
    ("starts", "flags", "began"),
    [
        ([9, 5, 7], SYN | ACK, 5),
        ([9], ["SYN", "ACK"], 9),
        ([9, "5"], SYN | ACK, 5),
        ([None, 9, 0, -1, "x", 2.0**60], SYN | ACK, 9),
        ([None], SYN | ACK, None),
        ([9], SYN, 0),
        ([9], SYN_ACK | ACK, 0),
        ([9], SYN | SYN_ACK | ACK, 0),
        ([9], ACK, None),
        ([9], None, None),
    ],
)
def test_when_flows_began_that_may_be_of_either_end(
    starts: Sequence[object], flags: object, began: int | None
) -> None:
    """0 where flags prove of which end they are."""
    flows = [{**TO_DB, "Flags": flags, "TimeFlowStartMs": start} for start in starts]
    encoded = EncodeMatrix(name="e", follows="f").build(BuildContext())(frame(flows))
    assert encoded.deltas[0].series["began"].min() == began


@pytest.mark.parametrize(
    ("fields", "evidence"),
    [
        ({"Flags": SYN_ACK}, "syn_ack"),
        ({"Flags": SYN_ACK | ACK | 512}, "syn_ack"),
        ({"Flags": ["ACK", "SYN_ACK"]}, "syn_ack"),
        ({"Flags": SYN | ACK}, "syn_ack"),
        ({"Flags": SYN | ACK, "SrcPort": 12_345}, "syn_ack"),
        ({"Flags": ["SYN", "ACK"]}, "syn_ack"),
        ({"Flags": SYN_ACK, "SrcPort": 12_345, "DstPort": 23_456}, "syn_ack"),
        ({"Flags": ACK}, "well_known"),
        ({"Proto": 17, "SrcPort": 53}, "well_known"),
        ({"Proto": 17, "SrcPort": 12_345}, "range"),
    ],
)
def test_the_source_is_the_server(fields: Flow, evidence: str) -> None:
    """Replies: those of the agent, and those that have SYN and ACK as they are in the header."""
    flow = reply(TO_DB) | fields
    found = edge(flow)
    assert ENDS.items() <= found.items()
    assert (found["evidence"], found["port"]) == (evidence, str(flow["SrcPort"]))
    assert found["reply_flows"] == 1
    assert "flows" not in found


def test_where_nothing_decides_both_directions_are_one_row_with_both_ports() -> None:
    """The end with the smaller address stands as the client, and so does the smaller port."""
    flow = TO_DB | {"Proto": 17, "SrcPort": 20_000, "DstPort": 12_345}
    [row] = facts([flow, reply(flow)])
    ports = {"port": "12345", "client_port": "20000"}
    assert (ENDS | ports | {"flows": 1, "reply_flows": 1}).items() <= row.items()
    assert "evidence" not in row
    same = TO_DB | {"DstAddr": POD, "SrcPort": 20_000, "DstPort": 12_345, "Flags": ACK}
    assert edge(same)["port"] == edge(reply(same))["port"] == "20000"


@pytest.mark.parametrize("proto", [1, 58])
def test_an_echo_says_who_asked(proto: int) -> None:
    request, answer = (8, 0) if proto == 1 else (128, 129)
    asked = {**WEB, **DB, "Proto": proto, "IcmpType": request, "IcmpCode": 0, "Packets": 1}
    [row] = facts([reply(asked, IcmpType=answer), asked])
    assert ENDS.items() <= row.items()
    assert (row["evidence"], row["protocol"]) == ("echo", "ICMP" if proto == 1 else "ICMPv6")
    assert (row["flows"], row["reply_flows"]) == (1, 1)
    assert "port" not in row
    assert "evidence" not in edge({**asked, "IcmpType": 3})


def test_ports_of_icmp_mean_nothing() -> None:
    found = edge({**WEB, **DB, "Proto": 1, "SrcPort": 8, "DstPort": 443, "IcmpType": 3})
    assert {"port", "evidence", "client_port"} & found.keys() == set()


@pytest.mark.parametrize(
    ("flags", "resets"),
    [(RST_ACK, 1), (RST, 1), (RST | ACK, 1), (ACK | RST_ACK, 0), (SYN_ACK | RST_ACK, 0), (ACK, 0)],
)
def test_a_server_that_only_resets_refuses(flags: int, resets: int) -> None:
    """One that resets after it has sent data does not; nor does the client."""
    assert edge(reply(TO_DB, Flags=flags)).get("rst", 0) == resets
    assert edge({**TO_DB, "Flags": flags}).get("rst", 0) == 0


@pytest.mark.parametrize(
    ("fields", "reporter"),
    [
        ({"FlowDirection": 1}, "client"),
        ({"FlowDirection": 0}, "server"),
        ({"FlowDirection": 2}, "both"),
        ({"AgentIP": "10.0.0.1"}, "client"),
        ({"AgentIP": "::ffff:10.0.0.2"}, "server"),
        ({"AgentIP": "10.0.0.3"}, ""),
        ({"AgentIP": "10.0.0.1", "DstK8S_HostIP": "10.0.0.1"}, "both"),
        ({}, ""),
    ],
)
def test_who_reported(fields: Flow, reporter: str) -> None:
    """Also of a reply, in which source and destination are the other way round."""
    hosts = {"SrcK8S_HostIP": "10.0.0.1", "DstK8S_HostIP": "10.0.0.2"}
    flow = TO_DB | hosts | fields
    assert edge(flow).get("reporter", "") == reporter
    turned = reply(flow)
    if "FlowDirection" in fields:
        turned["FlowDirection"] = {0: 1, 1: 0, 2: 2}[fields["FlowDirection"]]
    assert edge(turned).get("reporter", "") == reporter


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({"SrcAddr": "3.5.204.7"}, {"client_address": "3.5.204.7"}),
        ({"SrcAddr": "2001:DB8:0::1"}, {"client_address": "2001:db8::1"}),
        ({"SrcAddr": "3.5.204.7", "SrcSubnetLabel": "S3"}, {"client_label": "S3"}),
        ({"SrcAddr": "3.5.204.7", "SrcSubnetLabel": ""}, {"client_address": "3.5.204.7"}),
        (
            {"SrcAddr": "10.0.0.1", "SrcK8S_OwnerType": "Node", "SrcK8S_OwnerName": "worker-1"},
            {"client_kind": "Node", "client_workload": "worker-1"},
        ),
        ({}, {}),
    ],
)
def test_an_end(fields: Flow, end: dict[str, str]) -> None:
    """An address stands only where neither an object nor a label is known."""
    found = edge({**DB, "DstPort": 443, "Proto": 6, **fields})
    assert {name: text for name, text in found.items() if name.startswith("client_")} == end


def test_drops_and_their_causes() -> None:
    dropped = {"PktDropPackets": 2, "PktDropBytes": 120, "PktDropLatestDropCause": "SKB_DROP_X"}
    flows = [TO_DB | dropped, reply(TO_DB) | dropped, TO_DB]
    [row] = facts(flows)
    assert (row["drop_flows"], row["drop_packets"], row["drop_bytes"]) == (2, 4, 240)
    assert ("drop_cause", "SKB_DROP_X", 2) in attributes(flows)


def test_verdicts_of_policies() -> None:
    """A flow may have several events; those of other features, or without a verdict, are left."""

    def event(action: str, name: str, **others: str) -> dict[str, str]:
        return {"Feature": "acl", "Action": action, "Namespace": "shop", "Name": name, **others}

    both = [event("allow-related", "web"), event("drop", "deny"), event("allow", "web")]
    flows = [
        TO_DB | {"NetworkEvents": both},
        TO_DB | {"NetworkEvents": [event("drop", "admin", Namespace="")]},
        TO_DB | {"NetworkEvents": [{"Message": "hello"}, event("allow", "x", Feature="nat")]},
        TO_DB,
    ]
    [row] = facts(flows)
    assert (row["flows"], row["allowed"], row["denied"]) == (4, 1, 2)
    assert attributes(flows) == {
        ("policy", "allowed shop/web", 1),
        ("policy", "denied shop/deny", 1),
        ("policy", "denied admin", 1),
    }


def test_attributes() -> None:
    """Zones by client and server, whichever way the flow went; nothing is empty."""
    zones = {"SrcK8S_Zone": "a", "DstK8S_Zone": "b", "TLSVersion": "TLS 1.3"}
    flow = TO_DB | zones
    flows = [flow, reply(flow), TO_DB | {"TLSVersion": ""}]
    assert attributes(flows) == {
        ("client_zone", "a", 2),
        ("server_zone", "b", 2),
        ("tls_version", "TLS 1.3", 2),
    }


def test_days_are_those_of_utc() -> None:
    times = 1_761_695_999_999, 1_761_696_000_000
    rows = facts([TO_DB | {"TimeFlowEndMs": time} for time in times])
    days = {"bits": rows[0]["days"], "last": times[1] // 86_400_000}
    assert dates(pl.DataFrame([days], {"bits": pl.Int64(), "last": pl.Int32()}))[
        "dates"
    ].to_list() == [["2025-10-28", "2025-10-29"]]


def test_the_name_that_was_asked_for() -> None:
    answer = reply(TO_DB, Proto=17, SrcPort=53, DnsName="example.org", DnsId=7)
    [row] = facts([answer], "matrix_attributes")
    assert (ENDS | {"port": "53", "value": "example.org"}).items() <= row.items()


@pytest.mark.parametrize(
    ("fields", "service"),
    [
        ({"XlatDstAddr": "172.30.0.1", "XlatDstPort": 443}, "172.30.0.1:443"),
        ({"XlatDstAddr": "fd00::1", "XlatDstPort": 443}, "[fd00::1]:443"),
        ({"XlatDstAddr": "172.30.0.1"}, "172.30.0.1"),
        ({"XlatDstAddr": SERVER, "XlatDstPort": 5432}, ""),
        ({"XlatDstAddr": SERVER, "XlatDstPort": 80}, f"{SERVER}:80"),
        ({"XlatSrcAddr": "172.30.0.1", "XlatSrcPort": 443}, ""),
    ],
)
def test_the_service_behind_which_the_server_is(fields: Flow, service: str) -> None:
    """The translated address of the server, where it is not its own; of replies the source's."""
    flow = TO_DB | fields
    wanted = {("service", service, 2)} if service else set()
    assert attributes([flow, reply(flow)]) == wanted


def test_only_the_attributes_asked_for_are_kept_and_read() -> None:
    flow = TO_DB | {"TLSVersion": "TLS 1.3", "DnsName": "x"}
    assert [
        row["value"] for row in facts([flow], "matrix_attributes", attributes=["dns_name"])
    ] == ["x"]
    stage = EncodeMatrix(name="e", follows="f", attributes=[])
    assert not {"DnsName", "TLSVersion", "XlatDstAddr", "SrcK8S_Zone"} & stage.reads()
    assert facts([flow], "matrix_attributes", attributes=[]) == []


def test_sampling_and_times() -> None:
    """The largest sampling; first and last seen by the flows' own time, or when counted."""
    stage = EncodeMatrix(name="e", follows="f")
    ledger = Ledger({one.name: (one, stage.policy()) for one in stage.families()})
    flows = [
        TO_DB | {"Sampling": 50, "TimeFlowEndMs": 7_000},
        TO_DB | {"Sampling": 10, "TimeFlowEndMs": 5_000},
        TO_DB | {"DstPort": 6379},
    ]
    ledger.merge(stage.build(BuildContext())(frame(flows)).deltas, 1_000.0)
    rows = ledger.tables()[0].series().select("sampling_max", *TIMES).rows()
    assert rows == [(50, 5.0, 7.0, 1_000.0), (None, 1_000.0, 1_000.0, 1_000.0)]


@pytest.mark.parametrize("value", ["abc", -1, 2**60])
def test_what_is_not_a_count_is_rejected(value: object) -> None:
    """In both families, with the field and its value; the other flows are counted."""
    stage = EncodeMatrix(name="e", follows="f")
    encoded = stage.build(BuildContext())(frame([TO_DB, TO_DB | {"Bytes": value, "Packets": "x"}]))
    assert [(one.row, one.metric, one.field) for one in encoded.rejected] == [
        (1, "matrix_edges", "Bytes"),
        (1, "matrix_attributes", "Bytes"),
    ]
    assert encoded.rejected[0].reason == f'matrix_edges: Bytes "{value}" is not a count'
    assert encoded.deltas[0].series["flows"].to_list() == [1]


def test_flows_without_any_field_are_counted() -> None:
    [row] = facts([{}, {"A": 1}])
    assert row == {"flows": 2}
    assert facts([]) == []


def test_protocols() -> None:
    """Names, numbers of the others, and nothing where a flow has none, in one batch."""
    flows: list[Flow] = [{"Proto": proto} for proto in (0, 1, 6, 17, 47, 58, 132)]
    wanted = ["0", "ICMP", "TCP", "UDP", "47", "ICMPv6", "SCTP", None]
    assert [row.get("protocol") for row in facts([*flows, {}])] == wanted
    wanted[0] = "x"
    assert [row.get("protocol") for row in facts([{"Proto": "x"}, *flows[1:], {}])] == wanted


def test_it_reads_only_what_it_uses() -> None:
    """Every field that it lists changes some row."""
    stage = EncodeMatrix(name="e", follows="f")
    whole: Flow = {
        **TO_DB,
        "Flags": ACK,
        "FlagsEvidence": "uncertain",
        "Bytes": 1,
        "Packets": 1,
        "Sampling": 1,
        "IcmpType": 8,
        "PktDropBytes": 1,
        "PktDropPackets": 1,
        "PktDropLatestDropCause": "x",
        "TLSVersion": "x",
        "DnsName": "x",
        "SrcK8S_Zone": "a",
        "DstK8S_Zone": "b",
        "XlatSrcAddr": "1.1.1.1",
        "XlatDstAddr": "1.1.1.2",
        "XlatSrcPort": 1,
        "XlatDstPort": 2,
        "AgentIP": "10.0.0.1",
        "SrcK8S_HostIP": "10.0.0.1",
        "DstK8S_HostIP": "10.0.0.2",
        "NetworkEvents": [{"Action": "allow"}],
        "TimeFlowStartMs": 1,
        "TimeFlowEndMs": 1,
        "SrcSubnetLabel": "Pods",
        "DstSubnetLabel": "Pods",
        "FlowDirection": 1,
        "verdict": "allowed",
        "policy": "a/b",
    }
    assert whole.keys() <= stage.reads()
    assert stage.reads() - whole.keys() == {"TimeReceived"}


SCAN = [
    {**DB, "SrcAddr": f"203.0.{n // 250}.{n % 250}", "Proto": 6, "DstPort": 80, "Flags": 2}
    for n in range(600)
]


def addresses(rows: list[dict[str, Any]]) -> list[str]:
    return [row.get("client_address", "") for row in rows]


def test_external_addresses_are_limited_and_sums_are_exact() -> None:
    """First addresses, then networks, then one row for all others."""
    rows = facts(SCAN, max_external=2)
    assert addresses(rows) == ["203.0.0.0", "203.0.0.1", "203.0.0.0/24", "203.0.1.0/24", OVERFLOW]
    assert [row["flows"] for row in rows] == [1, 1, 248, 250, 100]
    assert sum(row["syn"] for row in rows) == len(SCAN)


FLOWS = st.fixed_dictionaries(
    {},
    optional={
        "SrcAddr": st.sampled_from(["10.0.0.1", "3.5.204.7", "3.5.204.8", "2001:db8::1", "x", ""]),
        "DstAddr": st.sampled_from(["10.0.0.1", "3.5.204.7", "3.5.205.1", "2001:db8::2", "x"]),
        "SrcK8S_Namespace": st.sampled_from(["shop", "data", ""]),
        "DstK8S_OwnerName": st.sampled_from(["db", ""]),
        "SrcPort": st.sampled_from([0, 53, 443, 20_000, 45_678, "443", 70_000, "x"]),
        "DstPort": st.sampled_from([0, 53, 443, 12_345, 45_679]),
        "Proto": st.sampled_from([1, 6, 17, 132, "6", "x"]),
        "Flags": st.sampled_from(
            [0, 2, 16, 18, 256, 1024, ["SYN"], ["SYN", "ACK"], "SYN_ACK", "?"]
        ),
        "IcmpType": st.sampled_from([0, 3, 8]),
        "Bytes": st.sampled_from([0, 5, 2**40, "7", "x"]),
        "PktDropPackets": st.integers(0, 3),
        "FlowDirection": st.sampled_from([0, 1, 2, 3]),
        "AgentIP": st.sampled_from(["10.0.0.1", ""]),
        "SrcK8S_HostIP": st.sampled_from(["10.0.0.1", "::ffff:10.0.0.1"]),
        "TimeFlowEndMs": st.sampled_from([0, 1_761_695_999_999, 1_761_696_000_000]),
        "TLSVersion": st.sampled_from(["TLS 1.3", ""]),
        "DnsName": st.sampled_from(["a.example", "b.example"]),
        "XlatDstAddr": st.sampled_from(["10.0.0.1", "172.30.0.1"]),
        "NetworkEvents": st.lists(
            st.fixed_dictionaries({"Action": st.sampled_from(["allow", "drop", "pass"])}),
            max_size=2,
        ),
    },
)


@given(
    st.lists(FLOWS, max_size=12),
    st.lists(st.integers(0, 12), max_size=3),
    st.sampled_from([{}, {"max_external": 1}, {"max_external": 2, "max_edges": 3}]),
)
def test_splitting_a_batch_changes_nothing(
    flows: list[Flow], cuts: list[int], limits: dict[str, int]
) -> None:
    assert_laws(EncodeMatrix(name="e", follows="f", **limits), flows, *cuts)  # type: ignore[arg-type] # keyword table of a test


_PEERS = st.sampled_from(
    [
        "1.1.1.1",
        "1.1.1.2",
        "1.1.2.1",
        "9.9.9.9",
        "2001:db8::1",
        "2001:DB8:0::1",
        "::ffff:1.1.1.1",
        "x",
    ]
)
_FLOWS = st.fixed_dictionaries(
    {"SrcAddr": _PEERS, "DstK8S_Namespace": st.sampled_from("ab"), "DstPort": st.integers(1, 2)},
    optional={
        "SrcK8S_OwnerName": st.sampled_from(["", "web"]),
        "Flags": st.sampled_from([2, 256]),
        "FlowDirection": st.integers(0, 1),
        "TLSVersion": st.sampled_from(["TLS 1.2", "TLS 1.3"]),
        "DstAddr": _PEERS,
    },
)


@given(st.lists(st.lists(_FLOWS, max_size=8), max_size=6), st.integers(1, 3))
def test_keys_give_what_labels_give(batches: list[list[Flow]], most: int) -> None:
    """The same rows, and the same number beyond a limit, as when all labels are made."""
    stage = EncodeMatrix(name="e", follows="f", max_external=most)
    encode = stage.build(BuildContext())
    by_key, by_label = (
        Ledger({one.name: (one, stage.policy()) for one in stage.families()}) for _ in range(2)
    )
    for number, flows in enumerate(batches):
        deltas = encode(frame(flows)).deltas
        by_key.merge(deltas, float(number))
        by_label.merge(map(_with_labels, deltas), float(number))
    for one, other in zip(by_key.tables(), by_label.tables(), strict=True):
        assert one.series().rows() == other.series().rows()
    assert by_key.overflowed == by_label.overflowed


def _with_labels(delta: Delta) -> Delta:
    assert delta.keyed
    rows = pl.int_range(delta.series.height, dtype=pl.UInt32, eager=True)
    return Delta(delta.family, delta.keyed.labels(delta.keyed.told(rows)).hstack(delta.series))
