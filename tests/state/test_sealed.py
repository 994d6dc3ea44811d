"""Bytes with a head that says what they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.state.sealed import SealError, seal, unseal


@given(st.binary(max_size=200), st.integers(0, 9))
def test_what_was_sealed_comes_back(content: bytes, version: int) -> None:
    assert unseal(seal(content, version), version) == content


@given(st.binary(max_size=200), st.data())
def test_what_was_changed_does_not(content: bytes, data: st.DataObject) -> None:
    sealed = seal(content, 1)
    end = data.draw(st.integers(0, len(sealed) - 1))
    for other in (sealed[:end], sealed + b"x", sealed[:end] + b"\xa5" + sealed[end:]):
        with pytest.raises(SealError):
            unseal(other, 1)


def test_another_version_is_told_only_of_what_is_whole() -> None:
    with pytest.raises(SealError, match=r"by a newer flowmatrix \(version 2, not 1\)"):
        unseal(seal(b"content", 2), 1)
    with pytest.raises(SealError, match="its checksum does not agree"):
        unseal(seal(b"content", 2)[:-1], 1)
