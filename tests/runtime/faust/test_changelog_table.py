"""The changelog of a topic's counts, as Faust calls it, over a group that is not there."""

from __future__ import annotations

import asyncio

from faust.types import TP

from pipeline.kafka.batch import Batch
from pipeline.runtime.failure import Failure
from pipeline.runtime.faust.changelog_table import ChangelogTable
from tests.runtime.faust.support import Parts, app, with_parts
from tests.runtime.support import ONE, TWO

BOTH = {TP("g-t-ledger-changelog", 0), TP("g-t-ledger-changelog", 1)}


def test_a_takeover_that_a_revocation_overtakes_opens_nothing() -> None:
    """A batch was held that belonged to nobody in the next generation: KeyError(ONE)."""

    async def test(run: Parts) -> None:
        made = app()
        table = ChangelogTable(made, run.takeover, Failure(), "t", 2)
        made.tables.add(table)
        run.group.found = {ONE: (0, 100), TWO: (0, 100)}
        run.intake.is_open = False

        await table.on_rebalance(BOTH, set(), BOTH, 5)
        run.group.answers.clear()
        restoring = asyncio.create_task(run.takeover.restore(table, {0, 1}, 5))
        await run.group.asked.wait()
        made.tables.on_partitions_revoked(BOTH)
        await run.intake.close()
        run.group.answers.set()
        await restoring
        await run.intake.add(ONE, Batch([b"{}"], 0, 1))

        run.group.member_id = "member-2"
        await table.on_rebalance(BOTH, BOTH, BOTH, 6)
        await run.intake.count_held()
        assert run.assignment.positions() == {}
        assert not run.intake.is_open

        await run.takeover.restore(table, {0, 1}, 6)
        assert run.assignment.positions() == {ONE: 0, TWO: 0}
        assert run.intake.is_open

    with_parts(test)
