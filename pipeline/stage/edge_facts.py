"""The facts of edges: the families of `encode_matrix`, from which `matrix` makes edges.

A fact is a sum, a minimum or a maximum, so that neither the order of flows nor their batches nor
the partitions that they are in change it. Labels are texts, "" where nothing is known.

An end is the owner of a Kubernetes object (`kind` is that of the owner; a Node is of kind Node, a
Service of kind Service), or it is outside: then kind, namespace and workload are "", and `address`
is there where no subnet label is. `label` is the subnet label of either. Beyond a limit, `address`
is a network (it has a /), then OVERFLOW of `pipeline.state.series_rows`.
"""

from __future__ import annotations

from enum import StrEnum

from pipeline.flows.orientation import Basis
from pipeline.stage.metrics import Family, Rule

__all__ = ["ATTRIBUTES", "EDGES", "Attribute", "Basis", "Reporter"]

END = ("kind", "namespace", "workload", "label", "address")
"""What an end of an edge is known by; the labels are `client_` and `server_` and these."""

CLIENT = tuple(f"client_{name}" for name in END)
SERVER = tuple(f"server_{name}" for name in END)

PROTOCOL = "protocol"
"""TCP, UDP, SCTP, ICMP, ICMPv6, or else the number."""
PROTOCOLS = {"1": "ICMP", "6": "TCP", "17": "UDP", "58": "ICMPv6", "132": "SCTP"}
"""The names by the numbers."""
PORT = "port"
"""The server's port; "" where the protocol has none, or the flow does not say."""
CLIENT_PORT = "client_port"
"""The client's port where it is not decided which end is the server, otherwise ""."""
REPORTER = "reporter"
EVIDENCE = "evidence"
"""A Basis."""
ATTRIBUTE, ATTRIBUTE_VALUE = "attribute", "value"
FLOW_VERDICT, FLOW_POLICY = "verdict", "policy"
"""Fields of flows: what policies say of them that are held against them (`policy_verdict`)."""


class Reporter(StrEnum):
    """Whose node the flow was seen on."""

    CLIENT = "client"
    SERVER = "server"
    BOTH = "both"
    UNKNOWN = ""


class Attribute(StrEnum):
    """What else flows said of an edge, a row for each value.

    POLICY: "allowed NAMESPACE/NAME" or "denied NAMESPACE/NAME"; without a namespace the name alone.
    SERVICE: the translated address and port of the server's end ("172.30.0.1:443",
    "[fd00::1]:443"). DNS_NAME: a name asked for, on the edge to the resolver. VERDICT: a verdict of
    policies that are held against flows, and these policies ("denied shop/db").
    """

    DROP_CAUSE = "drop_cause"
    POLICY = "policy"
    TLS_VERSION = "tls_version"
    CLIENT_ZONE = "client_zone"
    SERVER_ZONE = "server_zone"
    SERVICE = "service"
    DNS_NAME = "dns_name"
    VERDICT = "verdict"


_KEY = (*CLIENT, *SERVER, PROTOCOL, PORT)

EDGES = Family(
    "matrix_edges",
    None,
    (*_KEY, CLIENT_PORT, REPORTER, EVIDENCE),
    "Flows between the ends of an edge",
    facts=(
        ("flows", Rule.SUM),
        ("bytes", Rule.SUM),
        ("packets", Rule.SUM),
        ("reply_flows", Rule.SUM),
        ("reply_bytes", Rule.SUM),
        ("reply_packets", Rule.SUM),
        ("syn", Rule.SUM),
        ("syn_ack", Rule.SUM),
        ("rst", Rule.SUM),
        ("client_rst", Rule.SUM),
        ("drop_flows", Rule.SUM),
        ("drop_bytes", Rule.SUM),
        ("drop_packets", Rule.SUM),
        ("allowed", Rule.SUM),
        ("denied", Rule.SUM),
        ("client_port_min", Rule.MIN),
        ("client_port_max", Rule.MAX),
        ("sampling_max", Rule.MAX),
        ("began", Rule.MIN),
        ("days", Rule.DAYS),
    ),
    parts=(CLIENT, SERVER, (PROTOCOL, PORT, CLIENT_PORT, REPORTER, EVIDENCE)),
)
"""A row for each edge, reporter and evidence.

`reply_` is from the server to the client. `syn` are flows in which the client opened a connection,
`syn_ack` those in which the server accepted one, `rst` those in which it did nothing but reset,
`client_rst` those in which the client did: it may be the server after all.
`began` is when the first flow began (epoch ms) whose flags have SYN and ACK, which the bits of a
header show of both ends (null: none); 0 where flags have SYN alone or SYN_ACK.
The others count both ways. Ports and sampling are null where no flow has them. `days` are those
(UTC) on which a flow ended, null where no flow says it.
"""

ATTRIBUTES = Family(
    "matrix_attributes",
    None,
    (*_KEY, ATTRIBUTE, ATTRIBUTE_VALUE),
    "Flows of an edge by what else they said",
    facts=(("flows", Rule.SUM),),
    parts=(CLIENT, SERVER, (PROTOCOL, PORT)),
)
"""A row for each edge, attribute and value; `flows` count both ways."""
