"""Evaluators of network policies that others wrote: cyclonus and kube-network-policies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.real.go import built


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
    command = [str(_binary())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Evaluators(process)
        finally:
            process.kill()


@cache
def _binary() -> Path:
    return built("policy-evaluators", "it builds the evaluators that verdicts are compared with")
