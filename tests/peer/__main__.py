"""`python -m tests.peer CONFIG FLOWS`: a flowlogs-pipeline binary beside this engine.

Both get the pipeline of the configuration and the flows, JSON lines. What differs in samples and
records is printed, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.peer import pipelines
from tests.peer.compare import compare
from tests.peer.feeds import Lines
from tests.peer.original import VARIABLE, binary
from tests.real.parts import Missing


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 when nothing differs, 1 for differences, 2 when it cannot be compared."""
    parser = argparse.ArgumentParser(prog="python -m tests.peer", description=__doc__)
    parser.add_argument("config", type=Path, help="a configuration of flowlogs-pipeline")
    parser.add_argument("flows", type=Path, help="flows, one JSON object a line")
    parser.add_argument("--binary", type=Path, help=f"flowlogs-pipeline; or {VARIABLE} names it")
    given = parser.parse_args(arguments)
    try:
        program = given.binary or binary()
        pipeline = pipelines.read(given.config)
        flows = given.flows.read_text()
    except (Missing, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    theirs, found = compare(program.resolve(), pipeline, Lines(flows))
    if theirs.died:
        sys.stdout.write(f"the original died: {theirs.died}\n")
        return 0
    sys.stdout.write("".join(f"{line}\n" for line in found))
    same = f"{len(theirs.samples)} samples and {len(theirs.records)} records are the same\n"
    sys.stdout.write("" if found else same)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
