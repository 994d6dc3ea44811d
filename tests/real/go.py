"""Commands of Go modules that stand beside this file, built by the Go that is installed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.real import parts


def built(name: str, why: str, package: str = ".") -> Path:
    """The command of the module `name`, built the first time (seconds to minutes).

    `package` is one that the module requires, where it is not the module itself. Missing where
    there is no Go (`why` says what it is needed for), or where it does not build.
    """
    go = parts.tool("go", why)
    module = Path(__file__).parent / name
    command = [go, "env", "GOVERSION"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    files = (file.read_bytes() for file in sorted(module.iterdir()))
    digest = hashlib.sha256(b"".join([version.encode(), *files])).hexdigest()[:12]
    binary = parts.cache(f"{name}-{digest}") / name
    with parts.locked(binary.parent):
        if not binary.exists():
            partial = binary.with_suffix(".partial")
            polite = ["nice"] if shutil.which("nice") else []
            options = ["-trimpath", "-ldflags", "-s -w", "-o", str(partial)]
            command = [*polite, go, "build", *options, package]
            done = subprocess.run(command, cwd=module, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise parts.Missing(f"{name} did not build: {done.stderr[-2000:]}")
            partial.rename(binary)
    return binary
