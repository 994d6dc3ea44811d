"""`inventory` and `who`: what a cluster has, and what an address means."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import Annotated

import msgspec
import typer

from pipeline.api import client, credentials
from pipeline.api.remote import RemoteError
from pipeline.api.schema import Explanation
from pipeline.app.outputs import require_other
from pipeline.cli.app import app, fail, load, say, show
from pipeline.cli.moments import date
from pipeline.cli.server_options import urls
from pipeline.flows import gotext
from pipeline.kube.api import grant
from pipeline.kube.api.access import Access
from pipeline.kube.api.errors import ConnectError, UnreachableError
from pipeline.kube.inventory import export, snapshot
from pipeline.kube.inventory import file as files
from pipeline.stage import BuildContext, ResourceTransform, Spec, registry
from pipeline.stage.resources import ResourcePool

Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="How to reach the cluster; or as kubectl does ($KUBECONFIG, ...)."
    ),
]
Context = Annotated[str, typer.Option(metavar="NAME", help="Another context of the kubeconfig.")]
Server = Annotated[
    str | None, typer.Option(metavar="URL", help="Ask a running worker instead.", callback=urls)
]
_WIDTH = 13


@app.command("inventory")
def inventory_(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help=".yaml, .json or .jsonl, with .gz to compress.")
    ],
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    namespace: Annotated[
        list[str] | None, typer.Option("--namespace", "-n", metavar="NS", help="Only these.")
    ] = None,
    annotations: Annotated[
        bool, typer.Option("--annotations", help="Keep all of them, not only those of networks.")
    ] = False,
    server: Server = None,
) -> None:
    """Write what a cluster has to a file that pipelines read as their `inventory`.

    Only what enrichment, subnet labels, edges and policies need is written: addresses, owners,
    labels, selectors, ports, endpoints and network policies; no images, no environment, no secrets.
    With it a recording can be replayed anywhere.

    With --server it is what a running worker knows, also of who had an address before, within the
    window of its pipeline: a recording is attributed by the time of each flow, as that worker does
    it. Annotations and owners are those that its pipeline keeps. Subnet labels are those it has
    from the cluster, in a FlowCollector; there are none where its pipeline does not follow them.
    """
    _alone(
        server, kubeconfig=kubeconfig, context=context, namespace=namespace, annotations=annotations
    )
    try:
        if server:
            require_other(out, *credentials.files())
            taken = client.inventory(server)
            found = taken.items
            _warn(taken.warnings)
        else:
            require_other(out, *_asked(kubeconfig, context).files(Path()))
            access, spaces = _access(kubeconfig, context), namespace or ()
            found = _listed(access, spaces, annotations=annotations)
        if not found:
            fail("nothing could be read")
        there = {one["metadata"].get("namespace") for one in found}
        for missing in sorted(set(namespace or ()) - there):
            fail(f'nothing is in namespace "{missing}"')
        files.write(found, out)
    except (ConnectError, UnreachableError, RemoteError, OSError) as error:
        fail(str(error))
    kinds = Counter(f"{'past ' if export.is_past(one) else ''}{one['kind']}" for one in found)
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    show(f"{out}: {listed}")


def _listed(
    access: Access, namespaces: Iterable[str], *, annotations: bool
) -> list[export.Manifest]:
    """The objects of a cluster. Exits for a namespace that is not there, and without pods."""
    refused: list[snapshot.Refused] = []
    connection = access.connect(Path())
    connection.probe()
    for name, hint in snapshot.missing(connection, namespaces):
        fail(f'there is no namespace "{name}"{f"; {hint}" if hint else ""}')
    found = list(
        snapshot.take(connection, namespaces, annotations=annotations, refused=refused.append)
    )
    _warn([*(f"{one.what}: {one.reason}" for one in refused), *_remedy(refused)])
    if found and any(one.what == "pods" for one in refused):
        fail("pods cannot be read, and without them no workload has an address")
    return found


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        say(f"warning: {warning}")


def _remedy(refused: Iterable[snapshot.Refused]) -> Iterator[str]:
    """The command that allows what was refused, of the kinds that every cluster has."""
    needed = [(one, one.resource) for one in refused if one.resource]
    wanted = [(kind.qualified, one.namespace) for one, kind in needed if not kind.optional]
    user = next((user for one, _ in needed if (user := grant.user_of(one.reason))), "")
    if wanted and user:
        yield f"to allow it: {grant.commands(user, wanted)}"


@app.command()
def who(
    address: Annotated[str, typer.Argument(metavar="IP[:PORT]")],
    at: Annotated[
        str, typer.Option(metavar="TIME", help="Who had it then: 2026-05-01T12:00:00Z, or ms.")
    ] = "",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="As this pipeline sees it, labels too.")
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask an inventory file.")
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = "",
    server: Server = None,
) -> None:
    """Explain an address: object, owner, labels, subnet label, and which rule led to each.

    Objects come from --inventory, from the cluster of --kubeconfig, or as --config says; without
    any, from the cluster that kubectl would ask. A running worker (--server) also knows who had the
    address before, for the window of its pipeline. Exit 1 when neither an object nor a label is
    found.
    """
    ip, port = _endpoint(address)
    moment = _moment(at)
    _alone(server, config=config, inventory=inventory, kubeconfig=kubeconfig, context=context)
    try:
        if server:
            answer = client.who(server, ip, moment)
        else:
            answer = _explained(ip, moment, _stages(config, inventory, kubeconfig, context), config)
        for title, text in answer.lines:
            show(f"{title:<{_WIDTH}}{text}")
    except (ConnectError, UnreachableError, RemoteError, ValueError) as error:
        fail(str(error))
    if port:
        typer.echo(f"{'port':<{_WIDTH}}{port}{_service(port)}")
    if not answer.found:
        raise typer.Exit(1)


_ASKED = "who"
_PATIENCE = 5.0
"""Seconds that a list of the cluster may fail before the answer does without it."""


def _explained(ip: str, at: int | None, stages: Iterable[Spec], config: Path | None) -> Explanation:
    resources = ResourcePool(_PATIENCE)
    found, lines = False, list[tuple[str, str]]()
    try:
        for stage in stages:
            if isinstance(stage, ResourceTransform):
                folder = config.parent if config and stage.name != _ASKED else Path()
                access = getattr(stage, "cluster", None)
                if isinstance(access, Access):
                    access.connect(folder).probe()
                built = stage.build(BuildContext(folder=folder), resources)
                if stage.name == _ASKED:  # those of a pipeline file were told with it
                    _warn(problem.message for problem in stage.check(folder))
                if built.refresh:
                    built.refresh(Event())
                if built.knowledge:
                    lines += built.knowledge.explain(ip, at)
                    found |= built.knowledge.knows(ip, at)
        for problem in dict.fromkeys([*resources.waiting(), *resources.problems()]):
            say(f"warning: {problem}")
    finally:
        resources.close()
    return Explanation(ip, found, lines)


def _alone(server: str | None, **others: object) -> None:
    """Refuse --server beside what says where else to look."""
    beside = [f"--{name}" for name, given in others.items() if given]
    if server and beside:
        raise typer.BadParameter(f"--server: the worker tells what it knows; drop {beside[0]}")


def _stages(
    config: Path | None, inventory: Path | None, kubeconfig: Path | None, context: str
) -> Iterator[Spec]:
    """The stages to ask: those of the configuration, its objects replaced if others are named."""
    loaded = list(load(config).stages) if config else []
    own = [stage for stage in loaded if stage.type == "kubernetes"]
    if context and (inventory or (own and not kubeconfig)):
        told = "--inventory" if inventory else "the pipeline"
        raise typer.BadParameter(f"--context is one of a kubeconfig, and {told} says what to ask")
    if inventory or kubeconfig or not own:
        where: dict[str, object] = {"inventory": str(inventory)}
        if not inventory:
            where = {"cluster": msgspec.to_builtins(_access(kubeconfig, context))}
        asked = {"type": "kubernetes", "name": _ASKED, **where}
        yield msgspec.convert(asked, registry()["kubernetes"])
        loaded = [stage for stage in loaded if stage not in own]
    yield from loaded


def _asked(kubeconfig: Path | None, context: str) -> Access:
    return Access(kubeconfig=str(kubeconfig or ""), context=context)


def _access(kubeconfig: Path | None, context: str) -> Access:
    access = _asked(kubeconfig, context)
    for problem in access.check(Path()):
        fail(f"{problem.message}{f'; {problem.hint}' if problem.hint else ''}")
    return access


def _endpoint(text: str) -> tuple[str, int]:
    """Address and port (0: none) of `IP`, `IP:PORT` or `[IP]:PORT`."""
    ip, colon, port = text, "", ""
    if bracketed := re.fullmatch(r"\[([^][]*)\](?:(:)(.*))?", text):
        ip, colon, port = bracketed.groups("")
    elif text.count(":") == 1 and not text.startswith("["):
        ip, colon, port = text.partition(":")
    if colon and not (re.fullmatch("[0-9]{1,5}", port) and int(port) <= 65535):
        raise typer.BadParameter(f'"{port}" is not a port')
    try:
        return str(ipaddress.ip_address(ip)), int(port or 0)
    except ValueError:
        hint = "10.0.0.1, 10.0.0.1:443, [::1]:443"
        raise typer.BadParameter(f'"{ip}" is not an address, such as {hint}') from None


def _moment(text: str) -> int | None:
    """A time in ms since 1970; None for now."""
    if not text:
        return None
    moment = gotext.parse_integer(text)
    if moment is not None:
        return moment
    try:
        return round(date(text) * 1000)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a time: 2026-05-01T12:00:00Z, or ms') from None


def _service(port: int) -> str:
    try:
        return f" ({socket.getservbyport(port)})"
    except OSError:
        return ""
