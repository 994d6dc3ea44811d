"""Proposals as a table with their evidence, or as JSON."""

from __future__ import annotations

import io
import textwrap

import msgspec
from rich.console import Console

from discovery import words
from discovery.findings import Findings
from discovery.proposals import Proposal
from matrix.cells import bytes_text
from matrix.render import safe_json
from pipeline.cli.screen import Column, fitting
from pipeline.diagnostics import printable

_WIDEST = 10_000
_COLUMNS = (
    Column("name", text=True),
    Column("CIDRs", text=True),
    Column("seen"),
    Column("opened"),
    Column("port", text=True, rank=1),
    Column("flows", rank=2),
    Column("bytes", rank=3),
)


def as_json(found: Findings) -> str:
    """One document: proposals, stale labels, lists and notes; nothing in it moves a cursor."""
    document = {**found._asdict(), "stale": [one._asdict() for one in found.stale]}
    return safe_json(msgspec.json.format(msgspec.json.encode(document)).decode()) + "\n"


def as_table(found: Findings, width: int = 0, limit: int = 0) -> str:
    """A line for each proposal, then the evidence of each; `width` bounds the lines (0: none).

    Of more than `limit` proposals (0: no limit) only the first ones are shown.
    """
    shown = found.proposals[: limit or None]
    out = io.StringIO()
    console = Console(file=out, width=width or _WIDEST, color_system=None)
    if shown:
        console.print(fitting(_COLUMNS, [_cells(one) for one in shown], width or _WIDEST))
    text = "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
    for one in shown:
        text += f"\n{one.name}\n" + "".join(_wrapped(line, width) for line in words.lines(one))
    notes = [words.stale_line(one) for one in found.stale] + list(found.notes)
    if len(shown) < len(found.proposals):
        more = words.counted(len(found.proposals) - len(shown), "more proposal")
        notes.append(f"{more} (--limit 0 shows all)")
    if not found.proposals:
        notes.insert(0, "no address is without a name")
    told = "".join(_wrapped(f"note: {note}", width, "") for note in notes)
    return text + ("\n" if text and told else "") + told


def _wrapped(line: str, width: int, indent: str = "  ") -> str:
    lines = textwrap.wrap(
        printable(line),
        width or _WIDEST,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_on_hyphens=False,
    )
    return "".join(f"{one}\n" for one in lines)


def _cells(one: Proposal) -> list[str]:
    cidrs = one.cidrs[0] + (f" +{len(one.cidrs) - 1}" if one.cidrs[1:] else "")
    ports = ", ".join(one.ports[:2]) + (f" +{len(one.ports) - 2}" if one.ports[2:] else "")
    numbers = (words.number(len(one.addresses)), words.number(one.opened))
    return [one.name, cidrs, *numbers, ports, words.number(one.flows), bytes_text(one.bytes)]
