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

from discovery import installed, names, policies, ranges
from discovery.apply import apply
from discovery.asked import questions
from discovery.cover import SPREAD
from discovery.findings import Findings, Question, find
from discovery.freshness import stale
from discovery.manifests import Kind, manifest
from discovery.placing import Rules
from discovery.proposals import Proposal
from discovery.render import as_json, as_table
from matrix.facts import NoFactsError
from pipeline.api.client import RemoteError
from pipeline.cli import facts
from pipeline.cli.app import EX_CONFIG, app, fail, load, refuse, say, show
from pipeline.diagnostics import ConfigError, Problem, Severity, nearest
from pipeline.kube.inventory import file
from pipeline.kube.subnets import Label
from pipeline.state.checkpoint_file import CheckpointError


class Form(StrEnum):
    """How proposals are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@app.command()
def discover(
    path: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="Run this pipeline on its input.")
    ] = None,
    recording: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="Read this recording instead of the source."),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Read the state of an earlier run.")
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Ask a running worker; of a group, give each."),
    ] = None,
    from_policies: Annotated[
        Path | None,
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

    Give one of CONFIG, --state, --server and --from-policies; the pipeline has a stage
    encode_matrix. A proposal is a provider's range, of the service that publishes the fewest
    addresses, or else the CIDRs around what was seen. It says who talks to it, how many addresses
    it opens, and which DNS names were asked for just before.

    Ranges come from files (--ranges), or else from flowmatrix[providers] where it is installed;
    nothing is fetched. Labels that lack ranges of their service are reported.

    --apply writes into a pipeline file in place, and a running worker reloads it.
    """
    if sum(map(bool, (path, state, server, from_policies))) != 1 or (recording and not path):
        raise typer.BadParameter(
            "give one of CONFIG (with or without --input), --state DIR, --server URL and"
            " --from-policies FILE"
        )
    if output is Form.YAML and kind is Kind.SLICE and not namespace:
        raise typer.BadParameter("a slice is of a namespace: give --namespace")
    try:
        given = facts.labels_of(load(place)) if (place := labels or target) else []
        known = _ranges(lists or [])
        if from_policies:
            found = Findings(_of_policies(from_policies, prefix), stale(given, known))
        else:
            seen = _seen(path, recording, state, server or [])
            rules = Rules(spread, prefix=prefix)
            asked = Question(namespace, everyone, whole, rules)
            found = find(
                *(seen.edges(given), questions(seen.facts.attributes), known),
                *([*seen.labels, *given], asked),
            )
        found = found._replace(proposals=_accepted(found.proposals, accept or []))
        if target:
            _apply(target, found.proposals, stage)
        else:
            typer.echo(_text(found, output, kind, namespace, limit), nl=False)
    except ConfigError as error:
        refuse(error)
    except (NoFactsError, CheckpointError, RemoteError, OSError) as error:
        fail(error)


def _seen(
    path: Path | None, recording: Path | None, state: Path | None, servers: Sequence[str]
) -> facts.Sighting:
    if path:
        return facts.of_config(path, recording)
    return facts.of_state(state) if state else facts.of_servers(servers)


def _ranges(files: Sequence[Path]) -> pl.DataFrame:
    """The ranges of files, or else those that are installed."""
    if files:
        return ranges.read(files)
    found = installed.listing()
    return ranges.frame(dict([found]) if found else {})


def _of_policies(path: Path, prefix: str) -> list[Proposal]:
    problems: list[Problem] = []
    found = policies.proposals(file.read(path, problems), problems, prefix)
    for problem in problems:
        say(f"{path}: {problem.severity}: {problem.message}")
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(EX_CONFIG)
    return found


def _accepted(found: Sequence[Proposal], wanted: Sequence[str]) -> Sequence[Proposal]:
    """The proposals named, by their new names; all when none is named."""
    there = {one.name: one for one in found}
    chosen = []
    for text in wanted:
        name, _, new = text.partition("=")
        if name not in there:
            hint = nearest(name, there) or f"there are {', '.join(there) or 'none'}"
            raise typer.BadParameter(f'no proposal is called "{name}"; {hint}')
        if not names.VALID.fullmatch(new or name):
            hint = "letters, digits, _ : and -, not starting with a digit"
            raise typer.BadParameter(f'"{new}" is not a valid name of a label: {hint}')
        chosen.append(msgspec.structs.replace(there[name], name=new or name))
    return chosen or found


def _apply(target: Path, found: Sequence[Proposal], stage: str) -> None:
    edit = apply(target, [Label(one.name, one.cidrs) for one in found], stage)
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
        return manifest(found.proposals, kind, namespace)
    console = Console()
    return as_table(found, console.width if console.is_terminal else 0, limit)
