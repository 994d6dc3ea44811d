"""A bucket of an S3 server as a destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.push.destination import Destination

if TYPE_CHECKING:
    from pipeline.push.s3_client import S3Target


class S3(Destination, frozen=True, kw_only=True):
    """A bucket at `endpoint` (host, host:port); names of files are under `folder`.

    Objects are named under `account`, and `header` is in each of them.
    """

    endpoint: str
    bucket: str
    access_key_id: str
    secret_access_key: str = ""
    secret_access_key_file: str = ""
    account: str = ""
    region: str = "us-east-1"
    secure: bool = False
    ca: str = ""
    header: dict[str, Any] = {}  # noqa: RUF012 - msgspec copies it for each instance
    folder: str = ""

    def connect(self) -> S3Target:
        """A connection. Raises UnavailableError."""
        from pipeline.push.s3_client import S3Target  # noqa: PLC0415 - slow, few need it

        return S3Target(self)
