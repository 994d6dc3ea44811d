"""The long form of the attack suite, and its table: `make attack`, ARGS for some areas only."""

from __future__ import annotations

import signal
import sys
import time

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.attack.areas import AREAS
from tests.attack.run import Result, run

_SECONDS = 3_600


def main(areas: list[str]) -> int:
    """Try the areas, all unless some are named; 1 where anything happened that must not."""
    if unknown := [area for area in areas if area not in AREAS]:
        print(f"no area {', '.join(unknown)}: there are {', '.join(AREAS)}", file=sys.stderr)  # noqa: T201
        return 2
    console = Console(width=None if sys.stdout.isatty() else 140)
    results = []
    for area in areas or AREAS:
        began = time.monotonic()
        results.append(run(area, long=True, seconds=_SECONDS))
        inputs = sum(tally.inputs for tally in results[-1].tallies)
        console.print(f"{area}: {inputs} inputs in {time.monotonic() - began:.0f} s", style="dim")
    console.print(table(results))
    faults = [f"{result.area}: {fault}" for result in results for fault in result.faults]
    for fault in faults:
        console.print(Text(fault))
    return int(bool(faults))


def table(results: list[Result]) -> Table:
    """What was tried and what became of it, an attack a row."""
    shown = Table("area", "attack", "outcomes", box=None, pad_edge=False)
    shown.add_column("inputs", justify="right")
    shown.add_column("faults", justify="right")
    shown.add_column("peak MB", justify="right")
    total = 0
    for result in results:
        for tally in result.tallies:
            ends = ", ".join(f"{count} {outcome}" for outcome, count in tally.outcomes.items())
            total += tally.inputs
            row = (result.area, tally.attack, ends, str(tally.inputs), str(tally.faulty))
            shown.add_row(*map(Text, row), str(result.peak))
        if result.ending:
            shown.add_row(result.area, "", Text("did not end well"), "", "1", str(result.peak))
    shown.add_row("all", "", "", str(total), "", str(max(result.peak for result in results)))
    return shown


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
