"""`discover`: peers that have no name yet, and subnet labels for them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import polars as pl
import typer
from rich.console import Console

from discovery import installed, names, ranges
from discovery.apply import apply
from discovery.arranging import arranged
from discovery.asked import questions
from discovery.cover import SPREAD
from discovery.findings import Findings, Scope, find
from discovery.freshness import stale
from discovery.manifests import Kind, manifest
from discovery.placing import Rules
from discovery.policies import named
from discovery.proposals import Proposal
from discovery.render import as_json, as_table
from matrix.facts import NoFactsError
from pipeline.api.remote import RemoteError
from pipeline.cli import matrix_options as options
from pipeline.cli.app import app, fail, load, refuse, say, show
from pipeline.cli.series import Origin
from pipeline.cli.sighting import Sighting, namespaces, warn_of_unseen
from pipeline.cli.subnet_labels import subnet_labels
from pipeline.diagnostics import ConfigError, listed, nearest
from pipeline.kube.subnets import Label
from pipeline.state.checkpoint_file import CheckpointError
from pipeline.yaml.object_names import is_namespace
from policy import files as policy_files


class Form(StrEnum):
    """How proposals are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@app.command()
def discover(
    path: options.File = None,
    recording: options.Input = None,
    inventory: options.Inventory = None,
    state: options.State = None,
    server: options.Server = None,
    from_policies: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Name the ipBlocks of NetworkPolicies instead."),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NS", help="Only its peers.")
    ] = "",
    everyone: Annotated[
        bool, typer.Option("--all", help="Peers that no connection was established with, too.")
    ] = False,
    lists: Annotated[
        list[Path] | None,
        typer.Option(
            "--ranges", metavar="FILE", help="Ranges as their provider publishes them; repeatable."
        ),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="All ranges of a service, not only those reached.")
    ] = False,
    spread: Annotated[
        int, typer.Option(min=1, help="Addresses that a CIDR may open for each one seen.")
    ] = SPREAD,
    prefix: Annotated[str, typer.Option(help="What every name starts with.")] = names.EXTERNAL,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="CONFIG", help="A pipeline whose labels count as given already."),
    ] = None,
    output: Annotated[Form, typer.Option("--format")] = Form.TABLE,
    kind: Annotated[Kind, typer.Option(help="What --format yaml is for.")] = Kind.FLOWCOLLECTOR,
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="Proposals in a table; 0 for all.")
    ] = 20,
    target: Annotated[
        Path | None,
        typer.Option("--apply", metavar="CONFIG", help="Write the labels into this pipeline file."),
    ] = None,
    stage: Annotated[
        str, typer.Option(metavar="NAME", help="Its subnet_label stage, where it has several.")
    ] = "",
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=NEW]", help="Only this proposal, by a new name if you like."),
    ] = None,
) -> None:
    """Propose subnet labels for peers that have none.

    Give one of FILE, --state, --server and --from-policies; edges are counted by a stage
    encode_matrix. A proposal is a provider's range, of the service that publishes the fewest
    addresses, or else the CIDRs around what was seen. It says who talks to it, how many addresses
    it opens, and which DNS names were asked for just before.

    Ranges come from files (--ranges), or else from flowmatrix[providers] where it is installed;
    nothing is fetched. Labels that lack ranges of their service are reported.

    --apply writes into a pipeline file in place, and a running worker reloads it.
    """
    origin = Origin(
        path=path, recording=recording, inventory=inventory, state=state, servers=server or ()
    )
    _check(origin, from_policies or ())
    if stage and not target:
        raise typer.BadParameter("--stage is for --apply")
    if output is Form.YAML and kind is Kind.SLICE and not namespace:
        raise typer.BadParameter("a slice is of a namespace: give --namespace")
    if kind is Kind.SLICE and namespace and not is_namespace(namespace):
        raise typer.BadParameter(f'--namespace: "{namespace}" is not a valid name of a namespace')
    try:
        place = labels or target
        given = subnet_labels(load(place), ask=False) if place else []
        known = _ranges(lists or [])
        if from_policies:
            found = _of_policies(from_policies, prefix)._replace(stale=stale(given, known))
        else:
            rules = Rules(spread, prefix=prefix)
            scope = Scope(namespace, everyone, whole, rules)
            found = _found(*_seen(origin), known, given, scope)
        found = found._replace(proposals=_accepted(found.proposals, accept or []))
        if target:
            _apply(target, found.proposals, stage)
        else:
            typer.echo(_text(found, output, kind, namespace, limit), nl=False)
    except ConfigError as error:
        refuse(error)
    except (NoFactsError, CheckpointError, RemoteError, OSError, ValueError) as error:
        fail(error)


def _check(origin: Origin, policies: Sequence[str]) -> None:
    """Raises typer.BadParameter unless there is one source."""
    if not policies:
        origin.check()
    elif origin != Origin():
        raise typer.BadParameter("--from-policies names what files have: drop the other source")


def _seen(origin: Origin) -> tuple[Sighting, Sequence[str]]:
    """What was seen of edges, and notes. Raises NoFactsError, and what Origin.read raises."""
    counted = origin.read()
    if counted.sighting is None:
        raise NoFactsError("no edges are counted: add a stage of type encode_matrix")
    return counted.sighting, counted.notes


def _found(
    seen: Sighting,
    notes: Sequence[str],
    known: pl.DataFrame,
    given: Sequence[Label],
    scope: Scope,
) -> Findings:
    """The findings of what was seen, with labels that it may not have yet."""
    seen = seen._replace(labels=[*seen.labels, *given])
    edges, names_asked = seen.edges(), questions(seen.facts.attributes)
    if warn_of_unseen([scope.namespace] if scope.namespace else [], namespaces(edges)):
        raise typer.Exit(1)
    found = find(edges, names_asked, known, seen.labels, scope, beyond=seen.facts.beyond)
    return found._replace(notes=[*found.notes, *notes])


def _ranges(files: Sequence[Path]) -> pl.DataFrame:
    """The ranges of files, or else those that are installed."""
    if files:
        return ranges.read(files)
    found = installed.listing()
    return ranges.frame(dict([found]) if found else {})


def _of_policies(files: Sequence[str], prefix: str) -> Findings:
    """The networks of policies."""
    loaded = policy_files.load(files, Path())
    for problem in loaded.warnings:
        say(str(problem))
    proposals, notes = named(loaded.policies, prefix)
    return Findings(proposals, notes=notes)


def _accepted(found: Sequence[Proposal], wanted: Sequence[str]) -> Sequence[Proposal]:
    """The proposals named, by their new names; all when none is named."""
    there = {one.name: one for one in found}
    chosen = []
    for text in wanted:
        name, _, new = text.partition("=")
        if name not in there:
            hint = nearest(name, there) or f"there are {listed(there)}"
            raise typer.BadParameter(f'no proposal is called "{name}"; {hint}')
        if not names.is_valid(new or name):
            raise typer.BadParameter(f'"{new}" is not a valid name of a label: {names.RULE}')
        chosen.append(msgspec.structs.replace(there[name], name=new or name))
    return chosen or found


def _apply(target: Path, found: Sequence[Proposal], stage: str) -> None:
    edit = apply(target, [Label(one.name, one.cidrs) for one in arranged(found)], stage)
    for label in edit.added:
        show(f"{target}: {label.name}: {', '.join(label.cidrs)}")
    if not edit.added:
        show(f"{target}: nothing to add")
    for note in edit.notes:
        say(f"note: {note}")


def _text(found: Findings, output: Form, kind: Kind, namespace: str, limit: int) -> str:
    if output is Form.JSON:
        return as_json(found)
    if output is Form.YAML:
        return manifest(arranged(found.proposals), kind, namespace)
    console = Console()
    return as_table(found, console.width if console.is_terminal else 0, limit)
