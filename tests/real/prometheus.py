"""A real Prometheus on a free local port, with the configuration a test gives."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlencode

import yaml

from pipeline.files import write
from tests.real.parts import LOCALHOST, Server, call, debian, free_port


class Sample(NamedTuple):
    """One row of an instant query's answer; `__name__` is among the labels."""

    labels: dict[str, str]
    value: float


class Prometheus:
    """A Prometheus with its data in `folder`. `config` is prometheus.yml as a mapping."""

    def __init__(self, config: Mapping[str, object], folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "prometheus.yml"
        self._write(config)
        self._server = Server(
            [
                debian("prometheus", "prometheus"),
                f"--config.file={self._config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={LOCALHOST}:{self.port}",
                "--web.enable-lifecycle",
            ],
            folder / "prometheus.log",
        )

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"http://{LOCALHOST}:{self.port}"

    def start(self) -> None:
        """Start and wait until it answers queries."""
        self._server.start(lambda: call(self.port, "/-/ready").status == 200)

    def stop(self) -> None:
        """Stop; the data stay, and `start` goes on with them."""
        self._server.stop()

    def reload(self, config: Mapping[str, object]) -> None:
        """Put another configuration in force."""
        self._write(config)
        answer = call(self.port, "/-/reload", method="POST")
        if answer.status != 200:
            raise RuntimeError(f"reload refused: {answer.body.decode()}")

    def query(self, promql: str, *, at: float | None = None) -> list[Sample]:
        """The vector an instant query answers, now or at a Unix time in seconds."""
        asked = {"query": promql} | ({} if at is None else {"time": str(at)})
        answer = call(self.port, f"/api/v1/query?{urlencode(asked)}")
        body = json.loads(answer.body)
        if answer.status != 200:
            raise RuntimeError(f"{promql}: {body.get('error', answer.body)}")
        return [Sample(row["metric"], float(row["value"][1])) for row in body["data"]["result"]]

    def wait(
        self,
        promql: str,
        until: Callable[[list[Sample]], bool] = bool,
        *,
        seconds: float = 120,
    ) -> list[Sample]:
        """Ask again until the answer suits (by default: is not empty)."""
        deadline = time.monotonic() + seconds
        while not until(found := self.query(promql)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{promql}: still {found} after {seconds:.0f} s")
            time.sleep(0.2)
        return found

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _write(self, config: Mapping[str, object]) -> None:
        write(self._config, yaml.safe_dump(dict(config)))


def promtool(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool, for instance `promtool("check", "metrics", text=exposition)`."""
    command = [debian("prometheus", "promtool"), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)
