"""Texts that name fields of the flow: `$(SrcAddr):$(SrcPort)`.

Source: docs/reference/transforms.md#field-references.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from pipeline.flows import values

_REFERENCE = re.compile(r"\$\(([^)]+)\)")


def references(text: str) -> list[str]:
    """The fields that a text names, in order."""
    return _pieces(text)[1::2]


def replaced(text: str, name: Callable[[str], str]) -> str:
    """The text with the fields that it names replaced by others."""
    return _REFERENCE.sub(lambda found: f"$({name(found[1])})", text)


def filled(
    text: str, schema: values.Schema, known: Callable[[str], bool] = lambda _: True
) -> pl.Expr:
    """String, never null: the text, with the field's text for each reference.

    The text of a field that is absent, or not `known`, is empty.
    """
    pieces = _pieces(text)
    for index in range(1, len(pieces), 2):
        readable = known(pieces[index]) and pieces[index]
        pieces[index] = readable or ""
    return pl.concat_str(
        [
            values.text(schema, piece).fill_null("") if index % 2 and piece else pl.lit(piece)
            for index, piece in enumerate(pieces)
        ]
    )


def _pieces(text: str) -> list[str]:
    """Text, field, text, field, ..., text: nothing is looked for behind the last parenthesis."""
    end = text.rfind(")") + 1
    *pieces, last = _REFERENCE.split(text[:end])
    return [*pieces, last + text[end:]]
