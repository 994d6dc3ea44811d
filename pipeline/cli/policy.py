"""`policy`: what network policies say of the connections that were seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from pipeline.cli.app import app, fail, show
from pipeline.cli.matrix_options import Server, State
from pipeline.cli.policy_generate import generate_
from pipeline.cli.policy_input import (
    EdgesFile,
    Given,
    Input,
    InventoryFile,
    InventoryOf,
    LabelsOf,
    Objects,
    Policies,
    PoliciesOption,
    labels_of,
)
from pipeline.cli.sighting import namespaces
from pipeline.diagnostics import listed, nearest
from policy.judge.verdicts import Verdict
from policy.networkpolicy import Protocol
from policy.verify import junit, report
from policy.verify.audit import NoVerdictsError, audited
from policy.verify.difference import difference
from policy.verify.explanation import NoEndError, end, explained
from policy.verify.report import Format
from policy.verify.verification import Verification, of_namespace, verify

_PORT = re.compile(r"[0-9]{1,5}")

group = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Judge network policies by the connections that were seen.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(group, name="policy")
group.command("generate")(generate_)

_LOST = 3
"""Exit code when connections that were seen would be denied."""

Namespace = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NS", help="Only its connections.")
]


@group.command("verify")
def verify_(
    policies: Policies = None,
    edges: EdgesFile = None,
    input_: Input = None,
    state: State = None,
    server: Server = None,
    inventory: InventoryOf = None,
    labels: LabelsOf = None,
    namespace: Namespace = "",
    live: Annotated[
        bool,
        typer.Option("--live", help="What the stage policy_verdict said of flows as they came."),
    ] = False,
    output: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """Hold policies against the connections that were seen.

    It says how many of them are allowed, which ones would be denied and by which policy, what no
    policy decides, what the policies allow and nobody has done, how often each rule was needed, and
    which workloads no policy selects. Exit 3 when a connection that was seen would be denied.

    With --live the verdicts are those that running workers (--server) have counted, so POLICIES
    are those of their pipeline.
    """
    given = Given(edges, input_, state, server)
    if live:
        if policies:
            raise typer.BadParameter("--live has the policies of the pipeline: give none")
        found = _audited(given, inventory, namespace)
    else:
        file = given.inventory(inventory)
        objects = Objects(file)
        judged, known = objects.policies(policies or ()), given.labels(labels, objects.labels)
        frame = _read(given, file, objects, namespace)
        found = verify(judged, frame, objects.cluster, known, namespace)
    forms = {Format.TABLE: report.text, Format.JSON: report.json, Format.JUNIT: junit.junit}
    typer.echo(forms[output](found), nl=False)
    if found.lost().height:
        raise typer.Exit(_LOST)


def _audited(given: Given, inventory: Path | None, namespace: str) -> Verification:
    """What was counted; a namespace that nothing was counted of ends the command."""
    sighting = given.sighting(inventory)
    edges = sighting.edges()
    try:
        found = audited(sighting.facts, edges, namespace)
    except NoVerdictsError as error:
        fail(str(error))
    if namespace and found.edges.is_empty():
        there = namespaces(edges)
        hint = nearest(namespace, there) or f"there are {listed(there)}"
        fail(f'nothing is in namespace "{namespace}"; {hint}')
    return found


@group.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="Policies, or `cluster`.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Policies, or `cluster`.")],
    edges: EdgesFile = None,
    input_: Input = None,
    state: State = None,
    server: Server = None,
    inventory: InventoryOf = None,
    labels: LabelsOf = None,
    namespace: Namespace = "",
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Show what changes when the policies AFTER take the place of the policies BEFORE.

    It says which of the connections that were seen get another verdict, which workloads are
    isolated or open, and which permissions are added or gone. Exit 3 when a connection that was
    seen would be denied from now on.
    """
    given = Given(edges, input_, state, server)
    file = given.inventory(inventory)
    objects = Objects(file)
    old, new = objects.policies([before], "BEFORE"), objects.policies([after], "AFTER")
    frame = of_namespace(_read(given, file, objects, namespace), namespace)
    known = given.labels(labels, objects.labels)
    found = difference(old, new, frame, objects.cluster, known)
    form = report.difference_json if as_json else report.difference_text
    typer.echo(form(found), nl=False)
    if found.lost().height:
        raise typer.Exit(_LOST)


def _read(given: Given, inventory: Path, objects: Objects, namespace: str) -> pl.DataFrame:
    """The frame of EDGES; a namespace that nothing is in ends the command."""
    frame = given.read(inventory)
    objects.namespaces(frame, [namespace] if namespace else [])
    return frame


@group.command()
def explain(
    client: Annotated[str, typer.Argument(metavar="CLIENT")],
    server: Annotated[str, typer.Argument(metavar="SERVER:PORT")],
    policies: PoliciesOption,
    inventory: InventoryFile,
    protocol: Annotated[
        Protocol, typer.Option(case_sensitive=False, help="Of the connection.")
    ] = Protocol.TCP,
    labels: LabelsOf = None,
) -> None:
    """Say whether CLIENT may connect to SERVER at PORT, and by which rule or policy.

    Either is NAMESPACE/NAME (also KIND/NAMESPACE/NAME), a node, an address or a subnet label.
    Exit 3 when it may not.
    """
    objects = Objects(inventory)
    name, _, port = server.rpartition(":")
    if not (_PORT.fullmatch(port) and 0 < int(port) < 65536):
        raise typer.BadParameter(f'"{server}" does not end in a port: write SERVER:PORT')
    known = [*(labels_of(labels) if labels else ()), *objects.labels]
    try:
        ends = [end(text, objects.cluster, known) for text in (client, name.strip("[]"))]
    except NoEndError as error:
        raise typer.BadParameter(str(error)) from None
    verdict, lines = explained(
        objects.policies(policies),
        objects.cluster,
        known,
        (ends[0], ends[1]),
        (protocol, int(port)),
    )
    show(f"{ends[0]} to {ends[1]} at {protocol} {port}: {verdict}")
    for line in lines:
        show(f"  {line}")
    if verdict in {Verdict.DENIED, Verdict.DIFFERS}:
        raise typer.Exit(_LOST)
