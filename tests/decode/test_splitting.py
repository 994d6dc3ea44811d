"""What cannot be cut keeps its bytes and the reason."""

from pipeline.decode.splitting import Damaged


def test_damaged_bytes_are_bytes_with_a_reason() -> None:
    damaged = Damaged.because(b"\xff", "cut off", last=True)
    assert (damaged, damaged.reason, damaged.last) == (b"\xff", "cut off", True)
    assert b"" + damaged == b"\xff"


def test_what_is_damaged_is_something_also_without_bytes() -> None:
    """What is empty is passed over, and this is rejected."""
    assert Damaged.because(b"", "cut off", last=False)
