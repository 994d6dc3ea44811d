"""What a server answers, as errors."""

from __future__ import annotations

import pytest

from pipeline.push.destination import Destination, RejectedError, UnavailableError


def test_errors_say_what_to_do() -> None:
    assert UnavailableError("busy", 3.0).after == 3.0
    assert UnavailableError("busy").after is None
    assert RejectedError("2 lines are too old", 2).flows == 2
    assert str(RejectedError("no such tenant")) == "no such tenant"


def test_equal_destinations_are_the_same() -> None:
    """A reload compares them."""
    assert Destination(address="a") == Destination(address="a") != Destination(address="b")
    with pytest.raises(NotImplementedError):
        Destination(address="a").connect()
