"""A file of the dialect as a whole."""

from __future__ import annotations

from pipeline.config import flp
from pipeline.stage import registry
from pipeline.yaml import document
from tests.config.flp.given import START


def test_the_message_of_what_is_not_supported_yet() -> None:
    """An engine without the stage that it would become."""
    written = document.load(f"{START}- name: s\n  encode:\n    type: s3\n", "f")
    types = {name: kind for name, kind in registry().items() if name != "encode_s3"}
    (problem,) = flp.translate(written, types=types).problems
    assert str(written.place(problem.path)) == "f:8:11"
    assert problem.message == 'stage "s": encode.s3 is not supported yet'
