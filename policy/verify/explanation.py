"""One connection explained: allowed or denied, and by which rule or policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from pipeline.diagnostics import nearest
from pipeline.flows import cidr
from pipeline.kube.subnets import Label
from policy.ends import End
from policy.judge.evaluator import Evaluator
from policy.judge.verdicts import Verdict
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from policy.parts import Reference


class NoEndError(ValueError):
    """A text names no end of a connection."""


def end(text: str, cluster: Cluster, labels: Iterable[Label] = ()) -> End:
    """The end that a text names.

    It is KIND/NAMESPACE/NAME, NAMESPACE/NAME (of a workload or a pod), the name of a node, an
    address, a CIDR, or a subnet label. Raises NoEndError.
    """
    if cidr.address(text) or cidr.network(text):
        return End("", "", "", "", text)
    known = _known(cluster)
    names = {f"{one.namespace}/{one.name}" if one.namespace else one.name: one for one in known}
    full = {f"{one.kind}/{one.namespace}/{one.name}".replace("//", "/"): one for one in known}
    if found := full.get(text) or names.get(text):
        return End(*found, "", "")
    if text in {label.name for label in labels}:
        return End("", "", "", text, "")
    hint = nearest(text, [*names, *full]) or "write NAMESPACE/NAME, a node, an address or a label"
    raise NoEndError(f'nothing is called "{text}"; {hint}')


def _known(cluster: Cluster) -> list[Reference]:
    """All that can be an end; of a name, a workload that lasts comes last and so is found first."""
    pods = [Reference("Pod", pod.namespace, pod.name) for pod in cluster.pods]
    owners = [owner for pod in cluster.pods.alike for owner in pod.owners]
    nodes = [Reference("Node", "", name) for name in cluster.nodes]
    return [*cluster.services, *pods, *cluster.controllers, *owners, *nodes]


def explained(
    policies: Sequence[NetworkPolicy],
    cluster: Cluster,
    labels: Iterable[Label],
    ends: tuple[End, End],
    port: tuple[str, int | None],
) -> tuple[Verdict, list[str]]:
    """The verdict of a connection from one end to the other, and sentences that explain it.

    `port`: the protocol and the number.
    """
    (client, server), (protocol, number) = ends, port
    row = {f"client_{name}": value for name, value in client._asdict().items()}
    row |= {f"server_{name}": value for name, value in server._asdict().items()}
    schema = dict.fromkeys(row, pl.String()) | {"protocol": pl.String(), "port": pl.Int32()}
    asked = pl.DataFrame([row | {"protocol": protocol, "port": number}], schema=schema)
    verdicts = Evaluator(policies, cluster, labels).judge(asked).verdicts
    found = verdicts.row(0, named=True)
    lines = [*_side(found, "egress", client), *_side(found, "ingress", server)]
    return Verdict(found["verdict"]), lines + ([found["why"]] if found["why"] else [])


def _side(found: dict[str, object], side: str, end: End) -> Iterator[str]:
    verdict = str(found[side])
    if verdict == Verdict.OPEN.value:
        yield f"{side} of {end}: no policy isolates it"
        return
    rules, policies = (
        [text for text in texts if f" {side}" in text]
        for texts in (found["allowed_by"], found["isolated_by"])
        if isinstance(texts, list)
    )
    by = f", by {', '.join(rules)}" if rules else ""
    names = ", ".join(text.split()[0] for text in policies)
    isolated = f", isolated by {names}" if names else ""
    yield f"{side} of {end}: {verdict}{by}{isolated}"
