"""`policy generate`: the network policies for the connections that were seen."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pipeline.app.outputs import require_apart, require_other
from pipeline.cli.app import fail, say
from pipeline.cli.matrix_options import Server, State
from pipeline.cli.policy_input import EdgesFile, Given, Input, InventoryOf, LabelsOf, Objects
from pipeline.diagnostics import listed, nearest
from pipeline.files import write
from pipeline.yaml.object_names import is_name, is_namespace
from policy.generate import report
from policy.generate.build import Options, generate
from policy.generate.dns import NoResolverError
from policy.generate.objects import Kind, added, manifests
from policy.generate.peers import NO_LABEL
from policy.generate.report import Report
from policy.generate.text import dump
from policy.objects import Manifest

_DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([-a-z0-9_]*[a-z0-9])?\.)+[a-z0-9]([-a-z0-9_]*[a-z0-9])?")
INCOMPLETE = 3
"""Exit code when an established connection has no rule."""


def generate_(
    edges: EdgesFile = None,
    input_: Input = None,
    state: State = None,
    server: Server = None,
    inventory: InventoryOf = None,
    namespace: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", metavar="NS", help="For its workloads; again for more."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="For the workloads of all namespaces.")
    ] = False,
    labels: LabelsOf = None,
    kind: Annotated[Kind, typer.Option(help="What kind of objects to write.")] = (
        Kind.NETWORK_POLICY
    ),
    domain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=NAME",
            help="Write this label as a domain name, in cluster-nodes; again for more.",
        ),
    ] = None,
    dns: Annotated[
        str, typer.Option(metavar="NS/SERVICE", help="Allow DNS of this Service, seen or not.")
    ] = "",
    allow_unlabelled: Annotated[
        bool, typer.Option("--allow-unlabelled", help="Allow addresses without a subnet label.")
    ] = False,
    default_deny: Annotated[
        bool, typer.Option("--default-deny", help="Add a policy that denies all the rest.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a file for each object.")
    ] = None,
    report_file: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write the report as JSON, too."),
    ] = None,
) -> None:
    """Write the policies that allow the established connections of a namespace, and no others.

    The policies are YAML on standard output, or files; what they leave out, leave open or allow
    beyond what was seen is told on standard error. Exit 3 when an established connection has no
    rule: it would be denied.
    """
    if bool(namespace) == every:
        raise typer.BadParameter("give --namespace NS, or --all-namespaces")
    if domain and kind is not Kind.CLUSTER_NODES:
        raise typer.BadParameter(f"--domain is for --kind {Kind.CLUSTER_NODES}")
    given = Given(edges, input_, state, server)
    file = given.inventory(inventory)
    objects = Objects(file)
    listed = given.labels(labels, objects.labels)
    read = [file, *given.files()]
    try:
        if report_file:
            require_other(report_file, *read)
    except OSError as error:
        fail(error)
    frame = given.read(file)
    known = objects.namespaces(frame, namespace or ())
    domains = _domains(domain or [], {label.name for label in listed})
    try:
        found = generate(
            frame,
            objects.manifests,
            listed,
            Options(
                namespaces=tuple(sorted(set(namespace or known))),
                allow_unlabelled=allow_unlabelled,
                dns=dns,
                default_deny=default_deny,
            ),
        )
        _write(list(manifests(found.drafts, kind, found.report, domains)), out, read, report_file)
        told = found.report.and_also(added(found.drafts, kind, domains))
        _tell(told, report_file)
    except (NoResolverError, OSError) as error:
        fail(error)


def _domains(given: Sequence[str], labels: Collection[str]) -> dict[str, list[str]]:
    """Domain names by label. Raises typer.BadParameter."""
    found: dict[str, list[str]] = {}
    for one in given:
        label, _, name = one.rpartition("=")
        if label not in labels:
            hint = nearest(label, labels) or f"there are {listed(sorted(labels))}"
            raise typer.BadParameter(f'--domain: no subnet label is "{label}"; {hint}')
        if not _DOMAIN.fullmatch(name):
            raise typer.BadParameter(f'--domain: "{name}" is not a domain name: *.example.com')
        found.setdefault(label, []).append(name)
    return found


def _write(
    found: list[Manifest], out: Path | None, read: Sequence[Path], report_file: Path | None
) -> None:
    if out is None:
        typer.echo(dump(found), nl=False)
        return
    written = {out / _file(one): dump([one]) for one in found}
    for path in written:
        require_other(path, *read)
    require_apart(report_file, *written)
    out.mkdir(parents=True, exist_ok=True)
    for path, text in written.items():
        write(path, text)
    spaces = {path.name.partition(".")[0] for path in written}
    for other in sorted(set(out.glob("*.yaml")) - set(written)):
        if other.name.partition(".")[0] in spaces:
            say(f"warning: {other} is not of this run")


def _file(one: Manifest) -> str:
    """A name that no other object has: namespaces have no dots.

    One that no API server takes ends the command: its file would be in another folder.
    """
    meta = one["metadata"]
    if not is_name(meta["name"]) or not is_namespace(meta.get("namespace", "default")):
        fail(f'no object can be called "{meta.get("namespace", "")}/{meta["name"]}"')
    return ".".join(filter(None, (meta.get("namespace"), meta["name"], "yaml")))


def _tell(told: Report, path: Path | None) -> None:
    typer.echo(report.text(told), nl=False, err=True)
    if path:
        write(path, report.json(told))
    if any(one.message == NO_LABEL for one in told.findings):
        say("note: `flowmatrix discover` proposes subnet labels for these addresses")
    if not told.is_complete:
        raise typer.Exit(INCOMPLETE)
