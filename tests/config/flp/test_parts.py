"""What the translations of single stages share."""

from __future__ import annotations

import pytest

from pipeline.config.flp.parts import filled, renamed, unknown


@pytest.mark.parametrize("value", ["", None, 0, 0.0, False, [], {}])
def test_a_field_that_says_nothing_is_left_out(value: object) -> None:
    assert filled(name=value, other="x") == {"other": "x"}


@pytest.mark.parametrize("value", ["0", -1, True, [0], {"": ""}])
def test_a_field_that_says_something_is_kept(value: object) -> None:
    assert filled(name=value) == {"name": value}


def test_an_unknown_name_has_the_nearest_valid_one_or_all_of_them() -> None:
    near = unknown("write type", "stdot", ["stdout", "loki"], ("a",))
    assert (near.path, near.hint) == (("a",), 'did you mean "stdout"?')
    assert near.message == 'unknown write type "stdot"'
    assert unknown("policy", "zzz", ["stdout", "loki"], ()).hint == "one of stdout, loki"


def test_origins_of_a_stage_whose_fields_have_other_names() -> None:
    at = ("parameters", 2, "encode", "kafka")
    assert renamed(at, brokers="address", compression="compression") == {
        (): at,
        ("brokers",): (*at, "address"),
        ("compression",): (*at, "compression"),
    }
