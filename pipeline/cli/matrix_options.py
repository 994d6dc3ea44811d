"""Options that the commands of the matrix share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matrix.select import Collapse, Only
from pipeline.cli.moments import EXAMPLES
from pipeline.cli.server_options import urls
from pipeline.cli.standard_input import piped

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        help="A pipeline, to run on its input; or a recording; - is standard input.",
        callback=piped,
    ),
]
Input = Annotated[
    Path | None,
    typer.Option(
        "--input",
        metavar="FILE",
        help="Read this recording instead of the source; or run this pipeline.",
        callback=piped,
    ),
]
Inventory = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The objects of the cluster, where none are known."),
]
State = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Read the state of an earlier run.")
]
Server = Annotated[
    list[str] | None,
    typer.Option(metavar="URL", help="Ask a running worker; of a group, give each.", callback=urls),
]
Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace", "-n", metavar="NS", help="Whose matrix; again for more; or all there are."
    ),
]
Between = Annotated[
    tuple[str, str] | None,
    typer.Option(metavar="A B", help="Edges between these two, whoever opens."),
]
Peer = Annotated[
    str,
    typer.Option(
        metavar="X", help="Edges with this end: a namespace, NS/WORKLOAD, label, address or CIDR."
    ),
]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, metavar="N", help="Edges to this port.")
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help=f"Seen after this: {EXAMPLES}.", show_default=False),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Seen before this.")]
OnlyState = Annotated[
    Only | None, typer.Option("--only", help="Edges of this state, or with an unlabelled end.")
]
Collapsed = Annotated[
    Collapse | None, typer.Option("--collapse", help="Make one end of all these.")
]
