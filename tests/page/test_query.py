"""Questions of URLs and bodies of POSTs."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from page.query import asked, body, parameters
from pipeline.api.openapi import Parameter
from pipeline.api.server import UnansweredError


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(description="Whose.")] = msgspec.field(name="from")
    limit: Annotated[int, Meta(ge=1, le=9, description="How many.")] = 5
    offset: Annotated[int, Meta(ge=0)] = 0
    whole: bool = False
    size: Size | None = None
    any: object = None


def test_values_are_read_as_their_types() -> None:
    query = {"from": "x", "limit": "3", "whole": "true", "size": "large"}
    found = asked(query, Asked)
    assert (found.name, found.limit, found.offset, found.whole, found.size) == (
        *("x", 3, 0, True),
        Size.LARGE,
    )
    assert asked({"from": ""}, Asked).limit == 5


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({}, "from is missing: ?from=..."),
        ({"from": "x", "limt": "3"}, '"limt" is not a parameter; did you mean "limit"?'),
        (
            {"from": "x", "zzz": ""},
            '"zzz" is not a parameter; there are from, limit, offset, whole, size, any',
        ),
        ({"from": "x", "limit": "0"}, 'limit: "0" is not a number from 1 to 9'),
        ({"from": "x", "limit": "1.5"}, 'limit: "1.5" is not a number from 1 to 9'),
        ({"from": "x", "limit": "9" * 99}, f'limit: "{"9" * 99}" is not a number from 1 to 9'),
        ({"from": "x", "offset": "-1"}, 'offset: "-1" is not a number from 0 on'),
        (
            {"from": "x", "offset": f"1{'0' * 19}"},
            f'offset: "1{"0" * 19}" is a number beyond 9223372036854775807',
        ),
        ({"from": "x", "whole": "maybe"}, 'whole: "maybe" is neither true nor false'),
        ({"from": "x", "size": "smal"}, 'size: "smal" is not known; did you mean "small"?'),
        ({"from": "x", "size": "7"}, 'size: "7" is not known; one of small, large'),
    ],
)
def test_what_is_wrong_is_named(query: dict[str, str], why: str) -> None:
    with pytest.raises(UnansweredError) as caught:
        asked(query, Asked)
    assert (caught.value.status, str(caught.value)) == (HTTPStatus.BAD_REQUEST, why)


def test_parameters_for_the_description() -> None:
    assert parameters(Asked)[:2] == [
        Parameter("from", "Whose.", str, required=True),
        Parameter("limit", "How many.", int),
    ]
    assert parameters(Asked)[4].type == Size | None


def test_a_body() -> None:
    assert body(b'{"from": "x", "limit": 2}', Asked).limit == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the body is not valid: Input data was truncated"),
        (b"[]", "the body is not valid: Expected `object`, got `array`"),
        (
            b'{"from": "x", "limit": "2"}',
            "the body is not valid: Expected `int`, got `str` - at `$.limit`",
        ),
        (
            b'{"from": "x", "else": 2}',
            "the body is not valid: Object contains unknown field `else`",
        ),
        (b'{"any": ' + b"[" * 100_000, "the body is nested too deeply"),
        (b'{"any": ' + b'{"":' * 100_000, "the body is nested too deeply"),
    ],
)
def test_a_body_that_is_not_valid(content: bytes, why: str) -> None:
    with pytest.raises(UnansweredError) as caught:
        body(content, Asked)
    assert (caught.value.status, str(caught.value)) == (HTTPStatus.BAD_REQUEST, why)


def test_a_body_that_is_not_text() -> None:
    with pytest.raises(UnansweredError, match="the body is not"):
        body(b'{"from": "\xff"}', Asked)
