"""A file of the dialect as a whole."""

from __future__ import annotations

from tests.config.flp.given import START, findings


def test_the_message_of_what_is_not_supported_yet() -> None:
    text = f"{START}- name: s\n  encode:\n    type: s3\n"
    message = 'stage "s": encode.s3 is not supported yet'
    assert findings(text) == [("8:11", message, "")]
