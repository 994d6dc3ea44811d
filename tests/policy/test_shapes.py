from __future__ import annotations

import pytest

from policy.shapes import Metadata, OwnerReference


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ([], None),
        ([False], None),
        ([None], 0),
        ([None, True], 1),
        ([False, None], 1),
        ([False, None, True], 2),
    ],
)
def test_the_controlling_owner(said: list[bool | None], chosen: int | None) -> None:
    """The one that says so; of owners written by hand the first that does not say."""
    owners = [OwnerReference("Kind", str(at), controller) for at, controller in enumerate(said)]
    found = Metadata("x", owner_references=owners).controller
    assert found == (None if chosen is None else owners[chosen])
