"""What the facts of edges are made of, from the fields of flows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import TypeAlias

import msgspec
import polars as pl

from pipeline.flows import cidr, orientation, values
from pipeline.flows.orientation import (
    ABORTED,
    BASES,
    BASIS,
    CLIENT_PORT,
    FORWARD,
    OPEN,
    PORT,
    REFUSED,
    Basis,
)
from pipeline.flows.prepared import prepared
from pipeline.flows.times import SEEN, TIMES, seen
from pipeline.stage import Fields
from pipeline.stage.edge_facts import END, FLOW_POLICY, FLOW_VERDICT, Attribute

SRC, DST = (tuple(f":{end}_{name}" for name in END) for end in ("src", "dst"))
"""The parts of the ends, in the order of END."""
PROTOCOL, UNDECIDED_PORT, SIDE = ":protocol", ":undecided_port", ":side"
AT_SRC, AT_DST, AT_BOTH = range(3)
"""Values of SIDE (null: not known): the node of which end reported the flow."""
VERDICTS = ":verdicts"
"""What policies said of a flow, a line each: ALLOWED or DENIED, and the policy."""
ALLOWED, DENIED = "allowed", "denied"
SRC_ZONE, DST_ZONE, NAME, VERDICT = ":src_zone", ":dst_zone", ":name", ":verdict"
CAUSE, TLS, SERVICE, SERVICE_PORT = ":cause", ":tls", ":service", ":service_port"
COUNTS = ("Bytes", "Packets", "PktDropBytes", "PktDropPackets")
"""Fields that are added up, under their own names."""
DROPS, SAMPLING, BEGAN = ":drops", ":sampling", ":began"

_OWNER = ("K8S_OwnerType", "K8S_Namespace", "K8S_OwnerName", "SubnetLabel")
"""The fields (after Src or Dst) of an end without its address, in the order of END."""
_OF_ATTRIBUTES = {
    Attribute.DROP_CAUSE: {CAUSE: "PktDropLatestDropCause"},
    Attribute.TLS_VERSION: {TLS: "TLSVersion"},
    Attribute.CLIENT_ZONE: {SRC_ZONE: "SrcK8S_Zone", DST_ZONE: "DstK8S_Zone"},
    Attribute.SERVER_ZONE: {SRC_ZONE: "SrcK8S_Zone", DST_ZONE: "DstK8S_Zone"},
    Attribute.DNS_NAME: {NAME: "DnsName"},
}
"""The columns that are kept for an attribute, and the fields they are copies of."""
_START, _LATEST = "TimeFlowStartMs", 2.0**53
_HOSTS = ("AgentIP", "SrcK8S_HostIP", "DstK8S_HostIP")
_TRANSLATED = ("XlatSrcAddr", "XlatDstAddr", "XlatSrcPort", "XlatDstPort")
_ALLOWING, _DENYING = ("allow", "allow-related"), ("drop", "reject", "deny")
_Read: TypeAlias = "Callable[[values.Schema, str], pl.Expr]"


def fields(attributes: Collection[Attribute]) -> Fields:
    """The fields that are read for these attributes."""
    owners = {end + field for end in ("Src", "Dst") for field in (*_OWNER, "K8S_HostIP")}
    copied = {field for one in attributes for field in _OF_ATTRIBUTES.get(one, {}).values()}
    if Attribute.SERVICE in attributes:
        copied.update(_TRANSLATED)
    if Attribute.VERDICT in attributes:
        copied.update((FLOW_VERDICT, FLOW_POLICY))
    others = {"AgentIP", "FlowDirection", "NetworkEvents", "PktDropLatestDropCause", "Sampling"}
    others.add(_START)
    return orientation.FIELDS | owners | copied | others | {*COUNTS, *TIMES}


def read(flows: pl.DataFrame, attributes: Collection[Attribute]) -> pl.DataFrame:
    """What the facts of edges are made of, a row for each flow; what no flow has is not a column.

    Columns: the texts of SRC and DST, VERDICTS, CAUSE, TLS, SRC_ZONE, DST_ZONE, NAME, SERVICE and
    VERDICT (String; null, or "" in ends, where not known); PROTOCOL (or its number, UInt8), FORWARD
    (Boolean), BASIS (UInt8), PORT, CLIENT_PORT, UNDECIDED_PORT (of the client where undecided),
    SIDE and SERVICE_PORT (Int32, null where not known); COUNTS, DROPS, REFUSED and ABORTED (Int64,
    how many), SAMPLING and BEGAN (that of EDGES; Int64, null: none), SEEN (Float64, null: none).
    Where a batch has parts, PART, too.
    """
    flows = flows.drop(column.name for column in flows if column.null_count() == flows.height > 0)
    verdicts = _verdicts(flows)
    whole = flows.hstack([*orientation.oriented(flows), seen(flows), *verdicts, _side(flows)])
    return whole.select(_facts(whole, tuple(attributes)))


@prepared
def _facts(schema: values.Schema, attributes: Collection[Attribute]) -> list[pl.Expr]:
    """The columns of `read`."""
    return [
        *_end(schema, "Src", SRC),
        *_end(schema, "Dst", DST),
        _plain(schema, "Proto").alias(PROTOCOL),
        *map(pl.col, (FORWARD, BASIS, PORT, CLIENT_PORT)),
        _undecided_port(),
        *map(pl.col, (SIDE, SEEN)),
        *(pl.col(name) for name in schema if name == VERDICTS),
        *_attributes(schema, attributes),
        *_counts(schema),
        *map(pl.col, values.part(schema)),
    ]


def _end(schema: values.Schema, end: str, names: tuple[str, ...]) -> list[pl.Expr]:
    """An end, its address only where nothing else is known of it."""
    known = [(own, end + field) for own, field in zip(names, _OWNER, strict=False)]
    parts = [(own, values.text(schema, name)) for own, name in known if values.known(schema, name)]
    address = values.text(schema, f"{end}Addr")
    if parts:
        inside = pl.any_horizontal(text != "" for _, text in parts)
        address = pl.when(inside).then(None).otherwise(address)
    return [*(text.alias(own) for own, text in parts), address.alias(names[-1])]


def _undecided_port() -> pl.Expr:
    undecided = pl.col(BASIS) == BASES.index(Basis.UNDECIDED)
    return pl.when(undecided).then(CLIENT_PORT).alias(UNDECIDED_PORT)


def _attributes(schema: values.Schema, attributes: Collection[Attribute]) -> list[pl.Expr]:
    copied = {
        own: field for one in attributes for own, field in _OF_ATTRIBUTES.get(one, {}).items()
    }
    found = [_text(schema, f).alias(own) for own, f in copied.items() if values.known(schema, f)]
    if Attribute.SERVICE in attributes and any(values.known(schema, f) for f in _TRANSLATED):
        found += _service(schema)
    if Attribute.VERDICT in attributes and values.known(schema, FLOW_VERDICT):
        said = (_text(schema, name) for name in (FLOW_VERDICT, FLOW_POLICY))
        found.append(pl.concat_str(*said, separator=" ", ignore_nulls=True).alias(VERDICT))
    return found


def _service(schema: values.Schema) -> list[pl.Expr]:
    """The translated address and port of the server's end, where they are not its own."""

    def of_server(names: str, read: _Read) -> pl.Expr:
        at_src, at_dst = (read(schema, names.format(end)) for end in ("Src", "Dst"))
        return pl.when(FORWARD).then(at_dst).otherwise(at_src)

    integer = orientation.integer
    address, port = of_server("Xlat{}Addr", _text), of_server("Xlat{}Port", integer)
    own, own_port = of_server("{}Addr", _text), of_server("{}Port", integer)
    differs = address.ne_missing(own) | (port != own_port).fill_null(value=False)
    return [
        pl.when(differs).then(address).alias(SERVICE),
        pl.when(differs).then(port).alias(SERVICE_PORT),
    ]


def _counts(schema: values.Schema) -> list[pl.Expr]:
    counts = {name: _count(schema, name) for name in COUNTS}
    cause = _text(schema, "PktDropLatestDropCause")
    dropped = cause.is_not_null() | (counts["PktDropPackets"] > 0) | (counts["PktDropBytes"] > 0)
    return [
        *(count.alias(name) for name, count in counts.items()),
        dropped.cast(pl.Int64).alias(DROPS),
        pl.col(REFUSED, ABORTED).cast(pl.Int64),
        orientation.integer(schema, "Sampling").cast(pl.Int64).alias(SAMPLING),
        _began(schema).alias(BEGAN),
    ]


def _began(schema: values.Schema) -> pl.Expr:
    """Int64: when a flow that may be of either end began (ms), 0 where its flags prove of which."""
    start = values.number(schema, _START)
    sound = start.is_between(1, _LATEST)
    return pl.when(OPEN).then(pl.when(sound).then(start)).when(~pl.col(OPEN)).then(0).cast(pl.Int64)


def _count(schema: values.Schema, name: str) -> pl.Expr:
    """Int64: a number that is not negative; 0 where there is none."""
    dtype = schema.get(name)
    if dtype is not None and dtype.is_integer() and values.overflow(name) not in schema:
        return pl.col(name).cast(pl.Int64).fill_null(0)
    return values.integer(schema, name).fill_null(0).cast(pl.Int64)


def _side(flows: pl.DataFrame) -> pl.Series:
    """SIDE (Int32) by the direction, or by the addresses of nodes where there is none."""
    hosts = flows.with_columns(_told(flows)).select(SIDE, *_HOSTS)
    if not values.known(flows.schema, "AgentIP"):
        return hosts[SIDE]
    sides = hosts.select(_side_by_hosts()).to_series()
    if hosts.filter(sides.is_null()).select(_in_another_form()).item():
        canonical = [cidr.canonical_texts(hosts[name]) for name in _HOSTS]
        sides = hosts.with_columns(canonical).select(_side_by_hosts()).to_series()
    return sides


@prepared
def _told(schema: values.Schema) -> list[pl.Expr]:
    """SIDE by the direction, and _HOSTS as texts."""
    sides = {1: AT_SRC, 0: AT_DST, 2: AT_BOTH}
    direction = orientation.integer(schema, "FlowDirection")
    told = direction.replace_strict(sides, default=None, return_dtype=pl.Int32)
    if not values.known(schema, "FlowDirection"):
        told = pl.lit(None, dtype=pl.Int32)
    return [told.alias(SIDE), *(values.text(schema, name).alias(name) for name in _HOSTS)]


@cache
def _side_by_hosts() -> pl.Expr:
    """SIDE by the addresses of nodes, as they are, where it is null."""
    agent, src, dst = (pl.col(name) for name in _HOSTS)
    at_src, at_dst = ((agent == host) & (host != "") for host in (src, dst))
    side = (
        pl.when(at_src & at_dst).then(AT_BOTH).when(at_src).then(AT_SRC).when(at_dst).then(AT_DST)
    )
    return pl.coalesce(SIDE, side.cast(pl.Int32)).alias(SIDE)


@cache
def _in_another_form() -> pl.Expr:
    """Whether an address may be written in several ways."""
    return pl.any_horizontal(pl.col(_HOSTS).str.contains(":", literal=True)).any()


def _verdicts(flows: pl.DataFrame) -> list[pl.Series]:
    """VERDICTS (String) by the events of the network; none where no flow has events."""
    name, schema = "NetworkEvents", flows.schema
    if not values.known(schema, name):
        return []
    has = flows.with_columns(values.present(schema, name).alias(VERDICTS))[VERDICTS]
    texts = flows.filter(has).select(
        values.distinct(values.cell(schema, name), _read_events, pl.String())
    )
    place = pl.select(pl.when(has).then(has.cum_sum().cast(pl.Int64) - 1)).to_series()
    return [texts.to_series().gather(place).alias(VERDICTS)]


def _read_events(text: str) -> str | None:
    """The verdicts in events as JSON text, sorted, each once; None without any."""
    events = msgspec.json.decode(text)
    found = (
        {_verdict(one) for one in events if isinstance(one, dict)}
        if isinstance(events, list)
        else set()
    )
    return "\n".join(sorted(found - {""})) or None


def _verdict(event: dict[str, object]) -> str:
    action, namespace, policy = (event.get(key) or "" for key in ("Action", "Namespace", "Name"))
    verdict = ALLOWED if action in _ALLOWING else DENIED if action in _DENYING else ""
    if not verdict or event.get("Feature", "acl") != "acl":
        return ""
    where = f"{namespace}/{policy}" if namespace else f"{policy}"
    return f"{verdict} {where}".rstrip()


def _text(schema: values.Schema, name: str) -> pl.Expr:
    """String: a field, null where it is empty too."""
    text = values.text(schema, name)
    return pl.when(text != "").then(text)


def _plain(schema: values.Schema, name: str) -> pl.Expr:
    """A field as the number that it is, or else as text."""
    dtype = schema.get(name)
    if dtype is not None and dtype.is_integer() and values.overflow(name) not in schema:
        return pl.col(name)
    return _text(schema, name)
