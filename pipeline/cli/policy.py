"""`policy`: what network policies say of the connections that were seen."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.policy_input import EdgesFile, InventoryFile, Objects, Policies, edges
from policy.verify import junit, report
from policy.verify.report import Format
from policy.verify.verification import verify

group = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Judge network policies by the connections that were seen.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(group, name="policy")

_LOST = 3
"""Exit code when connections that were seen would be denied."""


@group.command("verify")
def verify_(
    policies: Policies,
    edges_file: EdgesFile,
    inventory: InventoryFile,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NS", help="Only its connections.")
    ] = "",
    output: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """Hold policies against the connections that were seen.

    It says how many of them are allowed, which ones would be denied and by which policy, what no
    policy decides, what the policies allow and nobody has done, how often each rule was needed, and
    which workloads no policy selects. Exit 3 when a connection that was seen would be denied.
    """
    objects = Objects(inventory)
    frame = edges(edges_file)
    if namespace:
        frame = frame.filter(
            (frame["client_namespace"] == namespace) | (frame["server_namespace"] == namespace)
        )
    found = verify(objects.policies(policies), frame, objects.cluster, objects.labels)
    forms = {Format.TABLE: report.text, Format.JSON: report.json, Format.JUNIT: junit.junit}
    typer.echo(forms[output](found), nl=False)
    if found.lost().height:
        raise typer.Exit(_LOST)
