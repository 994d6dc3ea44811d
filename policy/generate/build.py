"""The policies of namespaces, from the edges that were seen and the objects of the cluster.

Each rule is for established edges and allows no other ones, except through the labels of a selector
and the networks of a subnet label; whatever that adds is in the report.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import polars as pl

from matrix.completeness import Readiness, completeness
from matrix.edges import State
from pipeline.kube.subnets import Label
from policy.ends import End
from policy.generate.check import denied
from policy.generate.dns import Resolver
from policy.generate.draft import Draft, PeerKind, Port, Rule
from policy.generate.naming import DEFAULT_DENY, names
from policy.generate.networks import Networks
from policy.generate.peers import NoRuleError, Peers
from policy.generate.report import Finding, Report, Topic, Written, unique
from policy.generate.seen import Edge, Side, edges
from policy.generate.selection import NotSelectableError, Selection, Selections
from policy.generate.services import Services
from policy.networkpolicy import Direction, Protocol
from policy.objects import Cluster, Manifest
from policy.parts import Reference
from policy.selectors import LabelSelector

_PROTOCOLS = frozenset(map(str, Protocol))
_PORTS = range(1, 2**16)
_DNS_PORTS = frozenset({53, 5353})


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How policies are generated.

    `allow_unlabelled`: addresses without a subnet label get rules of their own. `dns`: a Service
    ("namespace/name") that names may be asked of, seen or not. `default_deny`: one more policy
    that denies whatever the others do not allow.
    """

    namespaces: tuple[str, ...]
    allow_unlabelled: bool = False
    dns: str = ""
    default_deny: bool = False


class Generated(NamedTuple):
    """Policies in the order of their namespaces and names, and what is to be said of them."""

    drafts: list[Draft]
    report: Report


def generate(
    frame: pl.DataFrame,
    manifests: Iterable[Manifest],
    labels: Iterable[Label],
    options: Options,
    cluster: Cluster | None = None,
) -> Generated:
    """The policies for the edges (`matrix.edges.EDGES`), and the report.

    The same arguments give the same policies, whatever the order of rows and objects. `cluster`:
    the manifests, where they were read already; else they are gone through twice. Raises
    NoResolverError when `dns` does not lead to pods.
    """
    builder = _Builder(cluster or Cluster(manifests), manifests, list(labels), options)
    for edge in builder.resolved(edges(frame, options.namespaces)):
        builder.take(edge)
    drafts = builder.drafts()
    builder.watch(frame)
    builder.check(frame, drafts)
    return Generated(drafts, builder.report(drafts, _window(frame)))


class _Builder:
    def __init__(
        self,
        cluster: Cluster,
        manifests: Iterable[Manifest],
        labels: list[Label],
        options: Options,
    ) -> None:
        self._options = options
        self._labels = labels
        self._cluster = cluster
        self._selections = Selections(cluster)
        networks = Networks(manifests, labels)
        self.resolved = Services(cluster, networks).resolved
        self._peers = Peers(self._selections, networks, allow_unlabelled=options.allow_unlabelled)
        self._resolver = Resolver(options.dns, cluster, self._peers) if options.dns else None
        self._findings: list[Finding] = []
        self._seen: dict[tuple[Reference, Direction], Side] = defaultdict(Side)
        self._ports: dict[Port, Port] = {}
        self._established: set[str] = set()
        self._unselectable: set[str] = set()
        self._unruled: set[str] = set()
        self._readiness: dict[Reference, Readiness] = {}

    def take(self, edge: Edge) -> None:
        """Note an edge at those of its ends that are in the namespaces."""
        for direction, own, other in (
            (Direction.INGRESS, edge.server, edge.client),
            (Direction.EGRESS, edge.client, edge.server),
        ):
            if own.namespace not in self._options.namespaces or not own.kind:
                continue
            if edge.state != State.ESTABLISHED:
                self._say(Topic.NOT_ESTABLISHED, own.namespace, str(edge), edge.state)
            elif edge.protocol not in _PROTOCOLS or edge.port is None or edge.port not in _PORTS:
                self._say(Topic.OTHER_PROTOCOL, own.namespace, str(edge))
            else:
                port = Port(edge.protocol, edge.port)
                self._note(edge, direction, own, other, self._ports.setdefault(port, port))

    def _note(self, edge: Edge, direction: Direction, own: End, other: End, port: Port) -> None:
        workload = self._selections.top(Reference(own.kind, own.namespace, own.workload))
        if self._selections.nodes(workload):
            self._say(Topic.HOST_NETWORK, own.namespace, str(workload))
            return
        self._established.add(str(edge))
        try:
            self._selections.of(workload)
            peer = self._peers.peer(other, port.number)
        except NotSelectableError as error:
            self._unselectable.add(str(edge))
            self._say(Topic.CANNOT_SELECT, own.namespace, str(workload), str(error))
        except NoRuleError as error:
            self._unruled.add(str(edge))
            self._say(Topic.NO_RULE, own.namespace, f"{direction}: {edge}", str(error))
        else:
            self._seen[workload, direction].add(peer, port, f"{other} {edge.way}")

    def drafts(self) -> list[Draft]:
        """The policies of the workloads, and the default denials."""
        workloads = {workload for workload, _ in self._seen}
        found = [self._draft(workload, name) for workload, name in names(workloads).items()]
        for namespace in self._options.namespaces if self._options.default_deny else ():
            nothing: dict[Direction, tuple[Rule, ...]] = dict.fromkeys(Direction, ())
            found.append(Draft(namespace, DEFAULT_DENY, None, LabelSelector(), nothing))
        return sorted(found, key=lambda draft: (draft.namespace, draft.name))

    def _draft(self, workload: Reference, name: str) -> Draft:
        selection = self._selections.of(workload)
        rules = {
            direction: self._seen[workload, direction].rules()
            for direction in Direction
            if (workload, direction) in self._seen
        }
        called = f"{workload.namespace}/{name}"
        if Direction.EGRESS in rules:
            self._declare_dns(called, workload, rules[Direction.EGRESS])
        self._say_what_is_wider(called, workload, selection)
        for direction, each in rules.items():
            self._say_which_nodes(called, workload, direction, each)
            for peer in (peer for rule in each for peer in rule.peers):
                for wider in peer.wider:
                    subject = f"{called}, {direction}, {peer.name}"
                    self._say(Topic.WIDER, workload.namespace, subject, wider)
        fixed = {direction: tuple(each) for direction, each in rules.items()}
        return Draft(workload.namespace, name, workload, selection.selector, fixed)

    def _declare_dns(self, called: str, workload: Reference, rules: list[Rule]) -> None:
        """Add what the declared resolver needs; without one, say where no DNS was seen."""
        if self._resolver is None:
            if not any(port.number in _DNS_PORTS for rule in rules for port in rule.ports):
                self._say(Topic.NOTE, workload.namespace, called, "no DNS was seen: see --dns")
            return
        for rule in self._resolver.rules(rules):
            rules.append(rule)
            ports = ", ".join(f"{port.protocol} {port.number}" for port in rule.ports)
            message = f"{rule.edges[0]}, {ports}"
            self._say(Topic.DECLARED, workload.namespace, called, message)

    def _say_what_is_wider(self, called: str, workload: Reference, selection: Selection) -> None:
        for other in selection.also:
            message = f"its selector also covers {other}"
            self._say(Topic.WIDER, workload.namespace, called, message)
        if selection.note:
            self._say(Topic.NOTE, workload.namespace, called, selection.note)

    def _say_which_nodes(
        self, called: str, workload: Reference, direction: Direction, rules: Iterable[Rule]
    ) -> None:
        peers = {p.name for rule in rules for p in rule.peers if p.kind is PeerKind.NODE}
        if peers:
            message = (
                f"{direction}: {len(peers)} of {len(self._cluster.nodes)} nodes, by their addresses"
            )
            self._say(Topic.NOTE, workload.namespace, called, message)

    def watch(self, frame: pl.DataFrame) -> None:
        """Note how long nothing new was seen of each workload, by its direction that is newest."""
        order = list(Readiness)
        last = frame["last_seen"].max()
        rows = completeness(frame, last if isinstance(last, float) else 0.0)
        for row in rows.select("kind", "namespace", "workload", "readiness").iter_rows():
            workload = self._selections.top(Reference(*row[:3]))
            known = self._readiness.get(workload, Readiness.STABLE)
            self._readiness[workload] = min(known, Readiness(row[3]), key=order.index)

    def check(self, frame: pl.DataFrame, drafts: list[Draft]) -> None:
        """Say which established edges the drafts would deny, but for those that have no rule."""
        own = [pl.col(f"{side}_namespace") for side in ("client", "server")]
        inside = pl.any_horizontal(one.is_in(list(self._options.namespaces)) for one in own)
        established = frame.filter((pl.col("state") == State.ESTABLISHED) & inside)
        for edge in edges(
            denied(established, drafts, self._cluster, self._labels), self._options.namespaces
        ):
            if str(edge) not in self._unruled:
                self._say(
                    Topic.DENIED, edge.server.namespace, str(edge), "by the selector of another one"
                )

    def report(self, drafts: list[Draft], window: tuple[str, str]) -> Report:
        """All that is to be said of the policies."""
        self._say_what_is_open(drafts)
        return Report(
            list(self._options.namespaces),
            window,
            version(self._labels),
            len(self._established),
            len(self._established - self._unruled - self._unselectable),
            [self._written(draft) for draft in drafts],
            list(unique(self._findings)),
        )

    def _say_what_is_open(self, drafts: Iterable[Draft]) -> None:
        decided = {one.workload: one.rules for one in drafts if one.workload}
        for namespace in self._options.namespaces:
            for workload in self._selections.running(namespace):
                decided.setdefault(workload, {})
        topic = Topic.DARK if self._options.default_deny else Topic.LEFT_OPEN
        for workload, rules in decided.items():
            missing = [str(direction) for direction in Direction if direction not in rules]
            if missing:
                self._say(topic, workload.namespace, str(workload), " and ".join(missing))

    def _written(self, draft: Draft) -> Written:
        ingress, egress = (
            len(draft.rules[direction]) if direction in draft.rules else None
            for direction in Direction
        )
        own = draft.workload
        return Written(
            *(draft.namespace, draft.name, str(own or "all pods"), ingress, egress),
            str(self._readiness.get(own, "")) if own else "",
        )

    def _say(self, topic: Topic, namespace: str, subject: str, message: str = "") -> None:
        self._findings.append(Finding(topic, namespace, subject, message))


def version(labels: Iterable[Label]) -> str:
    """A short text that changes with the list of labels; "none" for an empty one."""
    listed = list(labels)
    digest = hashlib.sha256(msgspec.json.encode(listed)).hexdigest()[:12]
    return f"sha256:{digest} ({len(listed)})" if listed else "none"


def _window(frame: pl.DataFrame) -> tuple[str, str]:
    """When the first and the last flow of the frame were seen (RFC 3339, UTC)."""
    return _time(frame["first_seen"].min()), _time(frame["last_seen"].max())


def _time(seconds: Any) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
