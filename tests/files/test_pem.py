"""PEM files that a server can use, and those that it cannot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.files.pem import Files
from tests.support.certificates import Authority


def test_files_that_belong_together(tmp_path: Path) -> None:
    ours = Authority(tmp_path / "ours")
    Files(*ours.issue("server")).verify()
    Files(*ours.issue("server"), ours.certificate).verify()


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    """A key with a passphrase is one: nobody is asked for it."""
    ours = Authority(tmp_path / "ours")
    cert, key = ours.issue("server")
    _, other = ours.issue("other")
    locked = tmp_path / "locked.key"
    command = ["openssl", "ec", "-aes256", "-passout", "pass:secret"]
    subprocess.run([*command, "-in", key, "-out", locked], check=True, capture_output=True)
    for pair in ((cert, other), (key, key), (cert, cert), (cert, locked)):
        with pytest.raises(OSError, match=f"{pair[0]} is not the certificate of the key {pair[1]}"):
            Files(*pair).verify()
    with pytest.raises(OSError, match=f"{key} has no certificate"):
        Files(cert, key, key).verify()
    with pytest.raises(FileNotFoundError):
        Files(tmp_path / "away", key).verify()
