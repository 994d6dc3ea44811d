"""The long form of the attack suite, and its table: `make attack`.

ARGS="json state" tries some areas only, ARGS="--share 0.1" a tenth of the inputs, and
ARGS="protobuf=2 json=0.2" of each area a share of its own. Ctrl-C ends it with the table so far.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from contextlib import suppress

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.attack.areas import AREAS
from tests.attack.run import Result, run

_SECONDS = 3_600


def main() -> int:
    """Try the areas, all unless some are named; 1 where anything happened that must not."""
    parser = argparse.ArgumentParser(prog="tests.attack")
    parser.add_argument(
        "areas", nargs="*", metavar="AREA[=SHARE]", type=_area, help=f"of {', '.join(AREAS)}"
    )
    parser.add_argument("--share", type=_share, default=1.0, help="of the inputs of the long form")
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    results = []
    with suppress(KeyboardInterrupt):
        for area, own in chosen.areas or map(_area, AREAS):
            began = time.monotonic()
            share = own or chosen.share
            results.append(run(area, share=share, seconds=_SECONDS))
            inputs = sum(tally.inputs for tally in results[-1].tallies)
            took = f"{inputs} inputs in {time.monotonic() - began:.0f} s"
            console.print(f"{area} ({share:g}): {took}", style="dim")
    console.print(table(results))
    faults = [f"{result.area}: {fault}" for result in results for fault in result.faults]
    for fault in faults:
        console.print(Text(fault))
    return int(bool(faults))


def _area(written: str) -> tuple[str, float | None]:
    """An area, and its share where one is given."""
    area, _, share = written.partition("=")
    if area not in AREAS:
        raise argparse.ArgumentTypeError(f"no area {area}: there are {', '.join(AREAS)}")
    return area, _share(share) if "=" in written else None


def _share(written: str) -> float:
    with suppress(ValueError):
        if 0 < (share := float(written)) < math.inf:
            return share
    raise argparse.ArgumentTypeError(f"a share is a number above 0, not {written}")


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
    sys.exit(main())
