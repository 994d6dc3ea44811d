"""The ranges around what was seen, looked up when addresses or labels are others."""

from __future__ import annotations

from http import HTTPStatus

import polars as pl
import pytest

from discovery.near import NoRangesError, Question
from discovery.ranges import RANGES
from page.ranges import Ranges
from pipeline.api.server import UnansweredError
from pipeline.kube.subnets import Label
from tests.support.edge_rows import edge, frame
from tests.support.seen import seen

ONE = edge("shop/web", "203.0.113.9")
S3 = Label("S3", ["3.5.204.0/22"])


def test_only_other_addresses_and_labels_are_looked_up() -> None:
    asked: list[Question] = []

    def look(question: Question) -> pl.DataFrame:
        asked.append(question)
        return RANGES.to_frame()

    ranges = Ranges(look)
    ranges(seen(frame(ONE)))
    ranges(seen(frame({**ONE, "flows": 99}, edge("shop/web", "shop/db"))))
    assert asked == [Question(frozenset({"203.0.113.9"}), frozenset())]
    attempted = edge("shop/web", "198.51.100.1", state="attempted")
    ranges(seen(frame(ONE, attempted)))
    ranges(seen(frame(ONE, attempted), labels=[S3]))
    assert asked[1:] == [
        Question(frozenset({"203.0.113.9", "198.51.100.1"}), frozenset()),
        Question(frozenset({"203.0.113.9", "198.51.100.1"}), frozenset({"3.5.204.0/22"})),
    ]


def test_a_list_that_cannot_be_read_is_told_and_tried_again() -> None:
    tries: list[Question] = []

    def look(question: Question) -> pl.DataFrame:
        tries.append(question)
        if len(tries) == 1:
            raise NoRangesError("the list of ranges cannot be read: sha256")
        return RANGES.to_frame()

    ranges = Ranges(look)
    with pytest.raises(UnansweredError, match="sha256") as caught:
        ranges(seen(frame(ONE)))
    assert caught.value.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert ranges(seen(frame(ONE))).is_empty()
