"""Every stage has an example, and it gives what docs/stages.md says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.stage import Encoder, Macro, Writer, registry
from tests.support import examples


@pytest.mark.parametrize("type_", sorted(registry()))
def test_example(type_: str, tmp_path: Path) -> None:
    """The configuration, the flows in and what comes out belong together, exactly."""
    kind = registry()[type_]
    wanted = examples.example_of(kind).output
    given = examples.output(kind, tmp_path)
    if issubclass(kind, Encoder | Macro | Writer):
        assert given == wanted.splitlines()
    else:
        assert list(map(json.loads, given)) == list(_objects(wanted))


def _objects(text: str) -> Iterator[object]:
    """JSON values one after another; one may go over several lines."""
    decoder = json.JSONDecoder()
    while text:
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:].lstrip()
