"""An edge: who opens connections to whom, on which port, and how that is known."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import polars as pl
from msgspec import Meta

from pipeline.stage.edge_facts import PROTOCOLS

_END: dict[str, pl.DataType] = {
    "kind": pl.String(),
    "namespace": pl.String(),
    "workload": pl.String(),
    "label": pl.String(),
    "address": pl.String(),
}
NUMBERS = (
    "flows",
    "bytes",
    "packets",
    "reply_flows",
    "reply_bytes",
    "reply_packets",
    "attempted",
    "accepted",
    "refused",
    "dropped",
    "allowed",
    "denied",
    "repeated",
)
LISTS = ("services", "drop_causes", "policies", "tls_versions", "zones", "dns_names", "days")


class State(StrEnum):
    """What became of the connections of an edge."""

    ESTABLISHED = "established"
    ATTEMPTED = "attempted"
    DENIED = "denied"
    UNCERTAIN = "uncertain"


class Evidence(StrEnum):
    """How it is known which end is the server, the strongest first."""

    SYN = "syn"
    SYN_ACK = "syn_ack"
    ECHO = "echo"
    DECLARED = "declared"
    FIRST = "first"
    WELL_KNOWN = "well_known"
    FAN_IN = "fan_in"
    UNCERTAIN = "uncertain"


PROTOCOL = f"^({'|'.join(PROTOCOLS.values())}|[1-9]?[0-9]|1[0-9]{{2}}|2[0-4][0-9]|25[0-5])?$"
"""A pattern: what is a protocol of an edge; "" is where flows do not say."""
Protocol = Annotated[
    str,
    Meta(
        pattern=PROTOCOL + r"(?!\n)",
        extra={
            "expected": f"{', '.join(PROTOCOLS.values())} or a number up to 255",
            "names": PROTOCOLS.values(),
        },
    ),
]
"""The type of an edge's protocol in files."""
Port = Annotated[int, Meta(ge=1, le=65_535)]
"""The type of an edge's port in files."""

EDGES = pl.Schema(
    {
        **{f"client_{name}": dtype for name, dtype in _END.items()},
        **{f"server_{name}": dtype for name, dtype in _END.items()},
        "protocol": pl.String(),
        "port": pl.Int32(),
        **dict.fromkeys(NUMBERS, pl.Int64()),
        "sampling": pl.Int64(),
        "evidence": pl.String(),
        "state": pl.String(),
        **dict.fromkeys(LISTS, pl.List(pl.String())),
        "first_seen": pl.Float64(),
        "last_seen": pl.Float64(),
    }
)
"""The columns of a frame of edges, a row for each client, server, protocol and server port.

An end is a workload (`kind` is that of the owner: Deployment, Node, ...), or it is outside:
then kind, namespace and workload are "", and `label` is its subnet label or, without one,
`address` is its address (or the network that stands for it beyond a limit). `label` may be set for
workloads too; `address` is "" for them. `protocol` is TCP, UDP, SCTP, ICMP, ICMPv6 or a number
(where flows say something else: that);
`port` is null where the protocol has none. Numbers without `reply_` are of the direction from
client to server. `attempted` counts connections by their SYN, `accepted` those that were answered,
`refused` those that were reset, `dropped` flows with lost packets, `allowed` and `denied` flows by
the verdict of a policy. `repeated` counts flows that the agents of both nodes have reported: they
are in the other numbers once. `sampling` is the largest of the flows, 0 where it is unknown.
`services` are the Services ("namespace/name:port") and nodes (hostPort, "node:port") through which
the server was reached; of the
ends that only the Service was seen for, the first has the numbers and the others have zeros.
`zones` are those of both ends, `dns_names` names that the client asked the server for, `days` dates
(UTC) with a flow, of the last nine weeks until then. Times are those of the flows, in epoch
seconds.
"""
