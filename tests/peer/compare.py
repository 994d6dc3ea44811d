"""One example in both programs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.peer.feeds import Feed
from tests.peer.original import original
from tests.peer.ours import ours
from tests.peer.outcome import Outcome, differences
from tests.peer.pipelines import Pipeline

_PATIENCE = 3


def compare(program: Path, pipeline: Pipeline, feed: Feed) -> tuple[Outcome, list[str]]:
    """What the original makes of the flows, and how what this engine makes of them differs.

    What differs where flows are collected is looked at again with more patience: the original
    collects by time, and is late on a busy machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        mine = ours(pipeline, feed, Path(folder))
        theirs = original(program, pipeline, feed, Path(folder))
        found = differences(theirs, mine, ordered=pipeline.ordered)
        if found and pipeline.batched:
            theirs = original(program, pipeline, feed, Path(folder), patience=_PATIENCE)
            found = differences(theirs, mine, ordered=pipeline.ordered)
    return theirs, found
