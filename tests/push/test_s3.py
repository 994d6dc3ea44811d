"""A bucket as a destination."""

from __future__ import annotations

import pytest

from pipeline.push.destination import UnavailableError
from pipeline.push.s3 import S3


def test_a_secret_that_cannot_be_read() -> None:
    to = S3(
        address="http://minio/b",
        endpoint="minio",
        bucket="b",
        access_key_id="k",
        secret_access_key_file="none",  # noqa: S106 - a file
        folder="/f",
    )
    with pytest.raises(UnavailableError, match="cannot read /f/none: No such file"):
        to.connect()
