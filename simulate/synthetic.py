"""A made-up cluster of any size, and flows in it by the million."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

import msgspec
import polars as pl

from simulate.cluster import PODS_A_NODE, Cluster, SubnetLabel
from simulate.dice import Dice
from simulate.objects import Service, ServicePort
from simulate.reference import S3
from simulate.scenario import EPHEMERAL, EPHEMERAL_PORTS, FLOW, START, Scenario

PARTNER: SubnetLabel = ("EXT:partner", ("203.0.113.0/24",))
_EXTERNALS = (
    (S3[0], "3.5.204.0", 1024),
    (PARTNER[0], "203.0.113.0", 256),
    ("", "198.18.0.0", 2**17),
)
_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
_CHUNK = 250_000
_TCP, _UDP = 6, 17
_HTTPS, _PROBE, _DNS, _DNS_POD = 443, 8080, 53, 5353
_OPENING = (530, 530, 18, 2)
_FORTH = (16, 16, 16, 0)
_BACK = (784, 784, 272, 16, 16, 1024)


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The size of a cluster and the mix of its flows (shares are of 1).

    `services`: how many workloads have a Service; `fanout`: how many others a workload talks to,
    which with `workloads` sets the number of series. `external`, `node` and `udp` are shares of
    all flows, `syn` the share of TCP flows that open a connection. `window` is in seconds.
    """

    pods: int = 1_000
    nodes: int = 20
    services: int = 100
    workloads: int = 200
    namespaces: int = 10
    externals: int = 500
    fanout: int = 12
    ports: tuple[int, ...] = (80, 443, 3306, 5432, 6379, 8080, 8443, 9090, 9092)
    syn: float = 0.25
    udp: float = 0.1
    external: float = 0.1
    node: float = 0.05
    window: float = 300.0

    def check(self) -> None:
        """ValueError, naming the field, when the numbers cannot be."""
        for name in ("pods", "nodes", "workloads", "namespaces", "externals", "fanout"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be 1 or more")
        if self.pods < self.workloads:
            raise ValueError(f"pods: {self.pods} are too few for {self.workloads} workloads")
        most = min(self.workloads, 60_000)
        if not 0 <= self.services <= most:
            raise ValueError(f"services: from 0 to {most} for {self.workloads} workloads")
        least = -(-self.pods // PODS_A_NODE)
        if not least <= self.nodes <= 16_000:
            raise ValueError(f"nodes: {self.pods} pods take from {least} to 16000 nodes")
        if not self.ports or not all(0 < port < EPHEMERAL for port in self.ports):
            raise ValueError(f"ports: one or more, each from 1 to {EPHEMERAL - 1}")
        shares = (self.syn, self.udp, self.external, self.node)
        if min(shares) < 0 or self.syn > 1 or sum(shares[1:]) > 1:
            raise ValueError("syn, udp, external, node: from 0 to 1, the last three 1 together")
        if self.window <= 0:
            raise ValueError("window: must be more than 0 s")


@dataclass(frozen=True)
class _Layout:
    """Where in the list of peers each sort begins; pods workload by workload."""

    pods: int
    services: int
    externals: int
    owner: pl.Series
    """Workload of every pod."""
    first: pl.Series
    """First peer of every workload."""
    size: pl.Series
    """Pods of every workload."""
    host: pl.Series
    """Node of every peer, -1 without one."""


def synthetic(
    flows: int, seed: int = 0, shape: Shape | None = None, start: int = START
) -> Scenario:
    """`flows` flows in a cluster of this shape, spread evenly over its window.

    Workload 0 answers DNS; every workload listens on one of the ports. ValueError: a number that
    cannot be, with its field.
    """
    shape = shape or Shape()
    shape.check()
    if flows < 1:
        raise ValueError("flows: must be 1 or more")
    cluster, layout = _grow(shape)
    end = start + round(shape.window * 1000)
    frames = _frames(flows, seed, shape, layout, (start, end))
    return Scenario(cluster, [S3, PARTNER, *cluster.subnet_labels], flows, (start, end), frames)


def _grow(shape: Shape) -> tuple[Cluster, _Layout]:
    cluster = Cluster("10.128.0.0/9" if shape.nodes > 512 else "10.128.0.0/14")
    for number in range(shape.nodes):
        address = f"10.0.{number // 250}.{number % 250 + 1}"
        cluster.node(f"node-{number}", address, "zone-" + "abc"[number % 3])
    pods = len(cluster.peers)
    made: list[list[int]] = []
    for number in range(shape.workloads):
        begun = len(cluster.peers) - pods
        count = shape.pods // shape.workloads + (number < shape.pods % shape.workloads)
        hosts = [pod % shape.nodes for pod in range(begun, begun + count)]
        kind = _KINDS[number % len(_KINDS)]
        made.append(cluster.workload(kind, *_workload(number, shape), hosts))
    services = len(cluster.peers)
    for number, endpoints in enumerate(made[: shape.services]):
        cluster.service(_service(number, shape), endpoints)
    externals = len(cluster.peers)
    for number in range(shape.externals):
        label, first, room = _EXTERNALS[number % len(_EXTERNALS)]
        outside = IPv4Address(first) + number // len(_EXTERNALS) % room
        cluster.external(str(outside), label)
    return cluster, _Layout(
        *(pods, services, externals),
        owner=pl.Series([number for number, group in enumerate(made) for _ in group]),
        first=pl.Series([group[0] for group in made]),
        size=pl.Series([len(group) for group in made]),
        host=pl.Series([peer.host for peer in cluster.peers]),
    )


def _workload(number: int, shape: Shape) -> tuple[str, str]:
    """Namespace and name."""
    return f"team-{number % shape.namespaces}", f"app-{number}" if number else "dns"


def _service(number: int, shape: Shape) -> Service:
    port = shape.ports[number % len(shape.ports)]
    ports = [ServicePort(port, port), ServicePort(_DNS, _DNS_POD, "UDP")]
    namespace, name = _workload(number, shape)
    address = f"172.30.{1 + number // 250}.{number % 250 + 1}"
    return Service(namespace, name, address, tuple(ports[: 1 if number else 2]), name)


def _frames(
    flows: int, seed: int, shape: Shape, layout: _Layout, window: tuple[int, int]
) -> Iterator[pl.DataFrame]:
    start, end = window
    for first in range(0, flows, _CHUNK):
        rows = pl.int_range(first, min(first + _CHUNK, flows), eager=True)
        dice = Dice(rows, seed)
        ended = (rows + 1) * (end - start) // flows + start
        yield (
            _ends(dice, seed, shape, layout)
            .pipe(_conversation, dice, shape)
            .with_columns(
                TimeFlowStartMs=ended - dice.below("took", 15_000),
                TimeFlowEndMs=ended,
                IcmpType=None,
                Bytes=60 + dice.below("bytes", 20_000),
            )
            .with_columns(Packets=1 + pl.col("Bytes") // 900)
            .select(pl.col(name).cast(dtype) for name, dtype in FLOW.items())
        )


def _ends(dice: Dice, seed: int, shape: Shape, layout: _Layout) -> pl.DataFrame:
    """Who talks to whom: client, server, port (of the server), Proto, reporter."""
    pod = dice.below("client", shape.pods)
    edge = layout.owner.gather(pod) * shape.fanout + dice.below("slot", shape.fanout)
    talk = Dice(edge, seed)
    share = dice.share("sort")
    external, node = share < shape.external, share >= 1 - shape.node
    udp = ~external & (share < shape.external + shape.udp) & ~node
    target = talk.below("server", shape.workloads).set(udp, 0)
    within = dice.within("pod", layout.size.gather(target))
    by_name = (target < shape.services) & (dice.below("by name", 2) == 1)
    ports = pl.Series(shape.ports).gather(target % len(shape.ports))
    frame = pl.DataFrame(
        {
            "client": pod + layout.pods,
            "external": external,
            "node": node,
            "udp": udp,
            "by_name": by_name,
            "pod": layout.first.gather(target) + within,
            "service": target + layout.services,
            "outside": talk.below("outside", shape.externals) + layout.externals,
            "management": 2 * layout.host.gather(pod + layout.pods) + 1,
            "listens": ports,
            "far": dice.below("far end reports", 2) == 1,
        }
    )
    server = _first(external="outside", node="client", by_name="service", otherwise="pod")
    dns = pl.when("by_name").then(_DNS).otherwise(_DNS_POD)
    port = _first(external=_HTTPS, node=_PROBE, udp=dns, otherwise="listens")
    inside = ~(pl.col("external") | pl.col("node") | pl.col("by_name"))
    return frame.with_columns(server=server, port=port).select(
        "server",
        "port",
        client=pl.when("node").then("management").otherwise("client"),
        Proto=pl.when("udp").then(_UDP).otherwise(_TCP),
        reporter=pl.when(inside & pl.col("far")).then("server").otherwise("client"),
    )


def _conversation(ends: pl.DataFrame, dice: Dice, shape: Shape) -> pl.DataFrame:
    """Flags, and which way: src, dst, SrcPort, DstPort."""
    ephemeral = EPHEMERAL + dice.below("ephemeral", EPHEMERAL_PORTS)
    return ends.with_columns(
        ephemeral=ephemeral,
        opening=(dice.share("syn") < shape.syn) & (ends["Proto"] == _TCP),
        back=dice.below("back", 2) == 1,
    ).select(
        "reporter",
        "Proto",
        src=_way("server", "client"),
        dst=_way("client", "server"),
        SrcPort=_way("port", "ephemeral"),
        DstPort=_way("ephemeral", "port"),
        Flags=pl.when(pl.col("Proto") == _TCP).then(
            pl.when("opening")
            .then(dice.one_of("opening", _OPENING))
            .when("back")
            .then(dice.one_of("reply", _BACK))
            .otherwise(dice.one_of("later", _FORTH))
        ),
    )


def _way(back: str, forth: str) -> pl.Expr:
    replies = pl.col("back") & ~pl.col("opening")
    return pl.when(replies).then(back).otherwise(forth)


def _first(*, otherwise: str, **cases: str | int | pl.Expr) -> pl.Expr:
    """The value of the first Boolean column that holds; a text names a column."""
    found = pl.col(otherwise)
    for column, value in reversed(cases.items()):
        found = pl.when(column).then(value).otherwise(found)
    return found
