"""Evaluators of network policies that others wrote: cyclonus and kube-network-policies."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.real import parts

_MODULE = Path(__file__).parent / "policy-evaluators"


class Question(NamedTuple):
    """Whether an address may open a connection to another one."""

    source: str
    destination: str
    port: int
    protocol: str = "TCP"


class Evaluators:
    """Both evaluators, as one process that answers as long as the context lasts."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(
        self,
        *,
        namespaces: Iterable[Mapping[str, Any]],
        pods: Iterable[Mapping[str, Any]],
        policies: Iterable[Mapping[str, Any]],
        questions: Sequence[Question],
    ) -> dict[str, list[bool]]:
        """By the name of an evaluator, whether each connection is allowed.

        An evaluator that gives no answer raises RuntimeError.
        """
        case = {
            "namespaces": list(namespaces),
            "pods": list(pods),
            "policies": list(policies),
            "questions": [one._asdict() for one in questions],
        }
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        answers = json.loads(self._process.stdout.readline())
        for name, answer in answers.items():
            if answer.get("error"):
                raise RuntimeError(f"{name}: {answer['error']}")
        return {name: answer["allowed"] or [] for name, answer in answers.items()}


@contextmanager
def evaluators() -> Iterator[Evaluators]:
    """The process, built by Go the first time (minutes)."""
    command = [str(binary())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Evaluators(process)
        finally:
            process.kill()


def _path() -> Path:
    source = b"".join(file.read_bytes() for file in sorted(_MODULE.iterdir()))
    digest = hashlib.sha256(source).hexdigest()[:12]
    return parts.cache(f"policy-evaluators-{digest}") / "policy-evaluators"


def binary() -> Path:
    """The command, built if need be; Missing where there is no Go."""
    path = _path()
    with parts.locked(path.parent):
        if not path.exists():
            go = parts.tool("go", "it builds the evaluators that verdicts are compared with")
            partial = path.with_suffix(".partial")
            command = [go, "build", "-trimpath", "-ldflags", "-s -w", "-o", str(partial), "."]
            polite = ["nice", *command] if shutil.which("nice") else command
            done = subprocess.run(polite, cwd=_MODULE, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise parts.Missing(f"the evaluators did not build: {done.stderr[-2000:]}")
            partial.rename(path)
    return path
