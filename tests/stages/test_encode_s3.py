"""What encode_s3 writes, where to, and what is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl
import pytest

from pipeline.config.dump import dump
from pipeline.push.destination import Terms
from pipeline.push.s3 import S3
from pipeline.stage import BuildContext
from pipeline.testing import assert_laws
from stages.encode_s3 import EncodeS3


def spec(**fields: object) -> EncodeS3:
    """By default with a secret in a file."""
    given = {"type": "encode_s3", "name": "out", "follows": "x", "endpoint": "minio:9000"}
    login = {"bucket": "b", "access_key_id": "k", "secret_access_key_file": "s"}
    return msgspec.convert(given | login | fields, EncodeS3)


def test_its_destination() -> None:
    stage = spec(secure=True, ca="ca", account="a")
    assert stage.destination(Path("/f")) == S3(
        address="https://minio:9000/b",
        terms=Terms(batch_bytes=16 << 20, batch_wait=60.0),
        endpoint="minio:9000",
        bucket="b",
        access_key_id="k",
        secret_access_key_file="s",  # noqa: S106 - a file
        account="a",
        secure=True,
        ca="ca",
        folder="/f",
    )


def test_flows_go_as_they_are() -> None:
    flows = pl.DataFrame({"A": [1, 2]})
    stage = spec()
    assert stage.build(BuildContext())(flows) is flows
    assert stage.reads() is None
    assert_laws(stage, [{"A": 1}, {"A": "x"}, {}], 1)


def test_problems() -> None:
    assert list(spec().check(Path())) == []
    found = spec(secret_access_key_file="", ca="ca", object_header={"version": 1}).check(Path())
    assert [(problem.path, problem.message) for problem in found] == [
        (
            ("secret_access_key_file",),
            "give one of secret_access_key_file and secret_access_key",
        ),
        (("object_header", "version"), '"version" is in each object anyway'),
        (("ca",), "without secure there is no TLS"),
    ]


@pytest.mark.parametrize("endpoint", ["http://minio", "minio:9000/path", "", "a b"])
def test_endpoints_that_are_refused(endpoint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="matching regex"):
        spec(endpoint=endpoint)


def test_a_secret_is_not_written_out() -> None:
    """`convert` shows that there is one."""
    text = dump([spec(secret_access_key="s3cret")])  # noqa: S106 - it must not be seen
    assert "s3cret" not in text
    assert "secret_access_key: '***'" in text
