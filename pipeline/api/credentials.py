"""Where the credentials stand that a server is asked with: variables, which options may set."""

from __future__ import annotations

TOKEN_FILE = "FLOWMATRIX_TOKEN_FILE"  # noqa: S105 - the name of a variable
"""A file with the token."""
CA_FILE = "FLOWMATRIX_CA_FILE"
"""The certificates of authorities (PEM)."""
CERT_FILE = "FLOWMATRIX_CERT_FILE"
"""A client certificate, with its key (PEM)."""
