"""The limits on rejected messages that stop a run."""

import pytest

from pipeline.dead_letters.limit import DlqLimit, TooManyDeadLettersError


def test_consecutive_rejections_stop_across_batches() -> None:
    limit = DlqLimit(max_consecutive=4)
    limit.check(3, [1, 2])
    limit.check(2, [0])
    limit.check(3, [1, 2])
    with pytest.raises(TooManyDeadLettersError, match="4 messages in a row"):
        limit.check(2, [0, 1])


def test_the_ratio_stops_from_a_hundred_messages_on() -> None:
    limit = DlqLimit(max_ratio=0.5)
    limit.check(60, range(60))
    with pytest.raises(TooManyDeadLettersError, match=r"60 of 100 .*max_ratio is 0\.5"):
        limit.check(40, [])
