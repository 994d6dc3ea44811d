from __future__ import annotations

import gzip
from http import HTTPStatus

import pytest

from pipeline.api.answer import document, failure, text


def test_a_document_has_a_validator() -> None:
    assert document([1]).tag == document([1]).tag != document([2]).tag


@pytest.mark.parametrize("large", [False, True])
def test_only_what_is_large_is_worth_compressing(*, large: bool) -> None:
    assert document("x" * (20_000 if large else 100)).large is large


def test_a_compressed_answer_is_the_same_to_who_has_it() -> None:
    """RFC 9110: codings of an answer have different validators; either says that it is known."""
    plain = document(list(range(9999)))
    packed = plain.compressed()
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.tag != plain.tag
    for one in (plain, packed):
        for held in (plain.tag, packed.tag, f"W/{packed.tag}", f'"x", {plain.tag}', "*"):
            assert one.unchanged(held)
        for other in ("", '"x"', document([]).tag):
            assert not one.unchanged(other)


@pytest.mark.parametrize("length", [0, 100, 20_000, 200_000])
def test_a_text_of_parts_is_compressed_when_it_is_large(length: int) -> None:
    """Empty parts, and letters of more than a byte, make no difference."""
    parts = ["", *(["é" + "x" * 49] * (length // 50)), "", "ü\n"]
    whole = "".join(parts).encode()
    assert text("text/plain", iter(parts), packed=False).body == whole
    packed = text("text/plain", iter(parts), packed=True)
    assert packed.headers == ({"Content-Encoding": "gzip"} if length > 100 else {})
    assert (gzip.decompress(packed.body) if packed.headers else packed.body) == whole


@pytest.mark.parametrize("size", [100, 20_000])
def test_an_answer_that_is_kept_is_compressed_once(size: int) -> None:
    kept = document("x" * size).kept()
    assert kept.compressed()._replace(packed=b"") == document("x" * size).compressed()
    assert (kept.compressed().body is kept.packed) is kept.large
    assert kept.plain() == document("x" * size)
    assert len(kept.body) + len(kept.packed) < 16_384


def test_a_failure_has_no_validator() -> None:
    told = failure(HTTPStatus.NOT_FOUND, "gone", Retry_After="2")
    assert (told.body, told.headers) == (b'{"error":"gone"}', {"Retry-After": "2"})
    assert not told.unchanged("*")
