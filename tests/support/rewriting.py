"""Files that change while a process reads them."""

from __future__ import annotations

import shutil
from pathlib import Path


def rewrite(path: Path, content: str | bytes) -> None:
    """Give a file that is there other content at once, as who mounts it does.

    Who reads it meanwhile finds the old content or the new one, never a part or nothing. It has the
    rights that it had; the new one stands beside it, under a name of no kind, until then.
    """
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content.encode() if isinstance(content, str) else content)
    if path.exists():
        shutil.copymode(path, new)
    new.replace(path)
