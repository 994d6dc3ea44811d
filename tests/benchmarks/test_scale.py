"""Rebalances of many members on paper, with the assignor of workers."""

from __future__ import annotations

from benchmarks.scale import Member, rebalance


def test_a_large_group_fits_into_the_record_that_a_broker_keeps_of_it() -> None:
    """Each partition has one member, few move, and what all are told is far below 1 MB."""
    members = [Member(number, 1_000) for number in range(50)]
    assert rebalance(members, 1_000).moved == 1_000
    gone = rebalance(members[1:], 1_000)
    assert gone.moved == 20
    joined = rebalance([*members[1:], Member(50, 1_000)], 1_000)
    assert joined.moved <= 40
    assert joined.joined + joined.synced < 100_000
