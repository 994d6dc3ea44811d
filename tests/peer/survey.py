"""`python -m tests.peer.survey [KIND ...]`: made examples in both programs, and what differs.

Prints each difference once, and for each kind how many examples there were. The exit status is 1
where any differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.peer.compare import compare
from tests.peer.feeds import Feed
from tests.peer.kinds import KINDS, WITH_A_BROKER, Examples
from tests.peer.original import binary
from tests.peer.pipelines import Pipeline
from tests.real.kafka import Kafka

_SHOWN = 5


class Count(NamedTuple):
    """Examples of a kind: of how many the original died, and how many differ."""

    examples: int
    died: int
    differ: int


def survey(program: Path, examples: Examples, number: int, start: int) -> Count:
    """So many examples, begun with this seed; what differs is printed."""
    died = differ = ran = 0

    @seed(start)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(examples)
    def run(example: tuple[Pipeline, Feed]) -> None:
        nonlocal died, differ, ran
        pipeline, feed = example
        theirs, found = compare(program, pipeline, feed)
        ran += 1
        if theirs.died:
            died += 1
            sys.stdout.write(f"the original died: {theirs.died}\n")
        if found:
            differ += 1
            said = json.dumps({"pipeline": pipeline.entries, "parameters": pipeline.parameters})
            lines = [f"differs: {said}", str(feed), *found[:_SHOWN]]
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()

    run()
    return Count(ran, died, differ)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when nothing differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.peer.survey", description=__doc__)
    names = [*KINDS, *WITH_A_BROKER]
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"all, or of {', '.join(names)}")
    parser.add_argument("--examples", type=int, default=300, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    given_ = parser.parse_args(arguments)
    chosen = given_.kinds or names
    with ExitStack() as stack:
        known: Mapping[str, Examples] = KINDS
        if not KINDS.keys() >= set(chosen):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            broker = stack.enter_context(Kafka(folder))
            known = KINDS | {name: make(broker) for name, make in WITH_A_BROKER.items()}
        counts = {
            name: survey(binary(), known[name], given_.examples, given_.seed) for name in chosen
        }
    for name, count in counts.items():
        sys.stdout.write(
            f"{name}: {count.examples} examples, {count.differ} differ, "
            f"the original died of {count.died}\n"
        )
    return int(any(count.differ for count in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
