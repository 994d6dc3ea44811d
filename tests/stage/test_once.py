"""What a stage reads once, for its check and for its build."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.stage.once import once

CALLS: list[tuple[str, int]] = []


class Reader(msgspec.Struct, frozen=True, dict=True):
    """Counts how often it really reads."""

    name: str

    @once
    def read(self, number: int) -> list[int]:
        """A list of its own at each call that is made."""
        CALLS.append((self.name, number))
        if number < 0:
            raise ValueError("negative")
        return [number]


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


def test_the_first_result_is_kept_for_each_argument() -> None:
    reader = Reader("a")
    assert reader.read(1) is reader.read(1)
    assert reader.read(2) == [2]
    assert CALLS == [("a", 1), ("a", 2)]


def test_an_equal_stage_reads_for_itself() -> None:
    """Results are of one configuration: after a reload the files may have changed."""
    one, other = Reader("a"), Reader("a")
    assert one == other
    assert one.read(1) is not other.read(1)
    assert CALLS == [("a", 1)] * 2


def test_a_result_is_no_part_of_the_stage() -> None:
    read, unread = Reader("a"), Reader("a")
    read.read(1)
    assert read == unread
    assert msgspec.to_builtins(read) == {"name": "a"}


def test_what_fails_is_tried_again() -> None:
    reader = Reader("a")
    for _ in range(2):
        with pytest.raises(ValueError, match="negative"):
            reader.read(-1)
    assert CALLS == [("a", -1)] * 2
