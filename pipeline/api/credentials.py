"""Where the credentials stand that a server is asked with: variables, which options may set."""

from __future__ import annotations

import os
from pathlib import Path

TOKEN_FILE = "FLOWMATRIX_TOKEN_FILE"  # noqa: S105 - the name of a variable
"""A file with the token."""
CA_FILE = "FLOWMATRIX_CA_FILE"
"""The certificates of authorities (PEM)."""
CERT_FILE = "FLOWMATRIX_CERT_FILE"
"""A client certificate, with its key (PEM)."""


def files() -> list[Path]:
    """The files with the credentials of this process."""
    given = (os.environ.get(name) for name in (TOKEN_FILE, CA_FILE, CERT_FILE))
    return [Path(name) for name in given if name]
