"""Messages of agents, and pipelines for them, that hypothesis makes.

Lists and TCP flags have a known element, no rule compares a number with a value, and no product is
beyond the type of its field: what the original makes of the others is in docs/differences.md.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.peer import made
from tests.peer.pipelines import Pipeline
from tests.support.records import message_class

_V4 = st.sampled_from([0x0A000001, 0x0A000107, 0xC0A80109, 0xAC1E0001])
_V6 = st.sampled_from([bytes(15) + b"\x05", b"\xfd" + bytes(14) + b"\x01", b"\x20\x01" + bytes(14)])
_ADDRESS = st.one_of(_V4.map(lambda ip: {"ipv4": ip}), _V6.map(lambda ip: {"ipv6": ip}))
_SMALL = st.integers(0, 300)
_TIME = st.integers(1_700_000_000, 1_700_000_900).map(
    lambda at: {"seconds": at, "nanos": 5_000_000}
)
_PORT = st.sampled_from([53, 80, 443, 40000, 70000])
_EVENT = st.fixed_dictionaries(
    {"Feature": st.sampled_from(["acl", "x"]), "Type": st.sampled_from(["AdminNetworkPolicy", ""])},
    optional={
        "Action": st.sampled_from(["allow", "drop"]),
        "Name": st.sampled_from(["dns", "é"]),
        "Message": st.just("m"),
    },
)
_DUP = st.fixed_dictionaries(
    {"interface": st.sampled_from(["eth0", "ens5"]), "direction": st.integers(0, 1)},
    optional={"udn": st.sampled_from(["blue", ""])},
)
_RECORD = st.fixed_dictionaries(
    {
        "eth_protocol": st.sampled_from([0x0800, 0x0800, 0x86DD, 0x0806]),
        "network": st.fixed_dictionaries(
            {"src_addr": _ADDRESS, "dst_addr": _ADDRESS, "dscp": st.integers(0, 63)}
        ),
        "transport": st.fixed_dictionaries(
            {
                "src_port": _PORT,
                "dst_port": _PORT,
                "protocol": st.sampled_from([6, 6, 17, 132, 1, 58, 47]),
            }
        ),
        "dup_list": st.lists(_DUP, min_size=1, max_size=3),
        "flags": st.sampled_from([1, 2, 16, 18, 256, 272, 2047]),
        "agent_ip": _ADDRESS,
    },
    optional={
        "time_flow_start": _TIME,
        "time_flow_end": _TIME,
        "data_link": st.just({"src_mac": 0x0A580A800002, "dst_mac": 2}),
        "bytes": st.one_of(_SMALL, st.just(2**40)),
        "packets": _SMALL,
        "sampling": st.integers(0, 50),
        "icmp_type": _SMALL,
        "icmp_code": _SMALL,
        "dns_id": _SMALL,
        "dns_flags": st.sampled_from([0x8180, 0x8183, 0]),
        "dns_name": st.sampled_from(["example.com", "a" * 40 + ".b", ""]),
        "dns_errno": _SMALL,
        "dns_latency": st.just({"nanos": 2_500_000}),
        "time_flow_rtt": st.integers(0, 9_000_000).map(lambda wait: {"nanos": wait}),
        "pkt_drop_bytes": st.integers(0, 70_000),
        "pkt_drop_packets": _SMALL,
        "pkt_drop_latest_flags": _SMALL,
        "pkt_drop_latest_state": st.integers(0, 14),
        "pkt_drop_latest_drop_cause": st.sampled_from([0, 2, 5, 77, 1000]),
        "network_events_metadata": st.lists(
            _EVENT.map(
                lambda event: {"events": [{"key": k, "value": v} for k, v in event.items()]}
            ),
            min_size=1,
            max_size=2,
        ),
        "xlat": st.fixed_dictionaries(
            {"src_addr": _ADDRESS, "dst_addr": _ADDRESS, "src_port": _PORT, "zone_id": _SMALL}
        ),
        "ipsec_encrypted": st.integers(0, 1),
        "ipsec_encrypted_ret": st.integers(-2, 2),
        "ssl_version": st.sampled_from([0x0303, 0x0304, 1]),
        "ssl_mismatch": st.booleans(),
        "tls_types": st.integers(1, 63),
        "tls_cipher_suite": st.sampled_from([0x1301, 0xC02F, 7000]),
        "tls_key_share": st.sampled_from([29, 4588, 9999]),
        "quic": st.fixed_dictionaries(
            {"version": st.integers(0, 2), "seen_long_hdr": st.integers(0, 1)}
        ),
    },
)


def _message(fields: dict[str, Any]) -> bytes:
    data: bytes = message_class()(**fields).SerializeToString()
    return data


messages = st.lists(_RECORD.map(_message), min_size=8, max_size=40)

_NUMBERS = ["Bytes", "Packets", "SrcPort", "Proto", "Etype", "TimeFlowRttNs", "DnsLatencyMs"]
_NUMBERS += ["PktDropBytes", "FlowDirection", "IcmpType", "ZoneId", "IPSecRetCode", "Sampling"]
_TEXTS = ["SrcAddr", "DstAddr", "AgentIP", "SrcMac", "DnsName", "DnsFlagsResponseCode"]
_TEXTS += ["PktDropLatestDropCause", "PktDropLatestState", "TLSVersion", "TLSCipherSuite"]
_TEXTS += ["TLSGroup", "QuicVersion", "XlatSrcAddr", "IPSecStatus"]
_LISTS = ["Interfaces", "IfDirections", "Udns", "TLSTypes", "NetworkEvents"]
_PARTS = ["NetworkEvents>Type", "NetworkEvents>Name", "NetworkEvents>Action"]
_WIDE = ["Bytes", "TimeFlowRttNs", "DnsLatencyMs", "FlowDirection"]
_any = st.sampled_from(_NUMBERS + _TEXTS + _LISTS)

_RULE = st.one_of(
    st.builds(
        lambda kind, name: {"type": kind, "removeEntry": {"input": name}},
        st.sampled_from(["remove_entry_if_exists", "remove_entry_if_doesnt_exist"]),
        _any,
    ),
    made.conditions().map(lambda query: {"type": "keep_entry_query", "keepEntryQuery": query}),
    _any.map(lambda name: {"type": "remove_field", "removeField": {"input": name}}),
    _any.map(
        lambda name: {
            "type": "add_field_if_doesnt_exist",
            "addFieldIfDoesntExist": {"input": name, "value": "none"},
        }
    ),
    st.sampled_from(_TEXTS + _NUMBERS).map(
        lambda name: {
            "type": "add_regex_if",
            "addRegexIf": {"input": name, "output": "Out", "parameters": "1"},
        }
    ),
)
_FILTER = st.lists(_RULE, min_size=1, max_size=2).map(
    lambda rules: {"transform": {"type": "filter", "filter": {"rules": rules}}}
)
_FLAGS = {
    "transform": {
        "type": "network",
        "network": {
            "rules": [
                {
                    "type": "decode_tcp_flags",
                    "decode_tcp_flags": {"input": "Flags", "output": "Flags"},
                }
            ]
        },
    }
}
_GENERIC = st.lists(
    st.builds(
        lambda copied, to, by: {"input": copied, "output": to, "multiplier": by},
        st.sampled_from(_WIDE),
        st.sampled_from(["Out", "Bytes", "a.b"]),
        st.sampled_from([0, 2, 1000]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda rule: str(rule["output"]),
).map(
    lambda rules: {
        "transform": {
            "type": "generic",
            "generic": {"policy": "preserve_original_keys", "rules": rules},
        }
    }
)


@st.composite
def _metric(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["counter", "gauge", "histogram"]))
    labels = draw(
        st.lists(
            st.sampled_from(_NUMBERS + _TEXTS + _LISTS + _PARTS + ["Flags"]),
            max_size=3,
            unique=True,
        )
    )
    metric: dict[str, Any] = {"type": kind, "labels": labels}
    if kind != "counter" or draw(st.booleans()):
        metric["valueKey"] = draw(st.sampled_from(_NUMBERS))
        metric["valueScale"] = draw(st.sampled_from([0, 1000]))
    if draw(st.booleans()):
        metric["flatten"] = draw(
            st.lists(st.sampled_from([*_LISTS, "Flags"]), max_size=2, unique=True)
        )
    key, wanted = draw(
        st.sampled_from(
            [("NetworkEvents>Type", "AdminNetworkPolicy"), ("Proto", "6"), ("Interfaces", "eth0")]
        )
    )
    filters = ["equal", "not_equal", "presence", "absence", "match_regex"]
    metric["filters"] = draw(
        st.lists(
            st.sampled_from(filters).map(
                lambda type_: {"key": key, "type": type_, "value": wanted}
            ),
            max_size=1,
        )
    )
    return metric


_PROM = st.lists(_metric(), min_size=1, max_size=4).map(made.named)
pipelines: st.SearchStrategy[Pipeline] = st.builds(
    made.chained,
    st.lists(st.one_of(_FILTER, made.network(), _GENERIC, st.just(_FLAGS)), max_size=3),
    _PROM,
)
"""Filter, network and generic stages before metrics and records."""
