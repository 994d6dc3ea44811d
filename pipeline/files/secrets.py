"""Secrets of users: fields of a Spec, and files that others may read."""

from __future__ import annotations

import logging
import os
import stat
from functools import cache
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from pipeline.files.reading import content

_MARK = Meta(extra={"secret": True}, extra_json_schema={"writeOnly": True})
Secret = Annotated[str, _MARK]
"""The type of a Spec's field that holds a secret, for ${VARIABLES}; a file is better.

Where a configuration is written out, "***" stands instead.
"""

Secrets = Annotated[dict[str, str], _MARK]
"""The same for a mapping whose values may be secrets, such as headers."""

_log = logging.getLogger(__name__)


def is_secret(annotation: object) -> bool:
    """Whether the type of a field is one of these."""
    return _MARK in getattr(annotation, "__metadata__", ())


def secret(path: Path) -> str:
    """The text of a secret, without blanks around it. Raises OSError and UnicodeDecodeError."""
    text = credential(path)
    warn_if_open(path)
    return text


def credential(path: Path) -> str:
    """As `secret`, without a warning."""
    return content(path).decode().strip()


def warn_if_open(path: Path) -> None:
    """Warn of a secret that every user of this machine may read, once for each file.

    Not in a pod, where secrets are mounted so.
    """
    if is_open(path):
        _warn(path.absolute())


def is_open(path: Path) -> bool:
    """Whether every user of this machine may read a file; in a pod there are no other users."""
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return False
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False  # whoever reads it says so


@cache
def _warn(path: Path) -> None:
    _log.warning("%s is a secret that every user can read: chmod 600 it", path)
