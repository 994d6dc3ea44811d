"""A real S3 server, versitygw, which keeps objects as files of a folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.real import parts
from tests.real.go import built

_TOOL = "github.com/versity/versitygw/cmd/versitygw"
ACCESS, SECRET = "flowmatrix", "s3-secret-of-the-tests"
BUCKET = "flows"


class S3Server(parts.Server):
    """A server with one bucket; `objects` are the files in it, by name."""

    def __init__(self, folder: Path) -> None:
        self.port = parts.free_port()
        self._root = folder / "objects"
        (self._root / BUCKET).mkdir(parents=True)
        address = f"{parts.LOCALHOST}:{self.port}"
        command = [str(_binary()), "--access", ACCESS, "--secret", SECRET, "--port", address]
        super().__init__([*command, "--quiet", "posix", str(self._root)], folder / "s3.log")

    def begin(self) -> None:
        """Start, and wait until it answers."""
        self.start(lambda: bool(parts.call(self.port, "/").status))

    def objects(self) -> dict[str, str]:
        """Their contents."""
        root = self._root / BUCKET
        found = (path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): path.read_text() for path in sorted(found)}


@cache
def _binary() -> Path:
    return built("s3-server", "it builds an S3 server", _TOOL)
