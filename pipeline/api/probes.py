"""What the server of the health address says: /live and /ready, as flowlogs-pipeline names them."""

from __future__ import annotations

from http import HTTPStatus

from pipeline.api.answer import Answer, failure
from pipeline.api.server import Answers

LIVE, READY = "/live", "/ready"


class Probes(Answers):
    """The answers to probes, and to nothing else."""

    def at_once(self, path: str) -> Answer | None:
        """The answer to a GET that takes no time; None where it has to be made."""
        if path == READY:
            return None
        if path == LIVE:
            return super().at_once("/healthz")
        return failure(HTTPStatus.NOT_FOUND, "no such path: there are /live and /ready")

    def get(self, _path: str, query: list[tuple[str, str]], *, packed: bool = False) -> Answer:
        """The answer to a GET of readiness."""
        return super().get("/readyz", query, packed=packed)
