"""What `ingest_grpc` costs, from messages of agents to counters (part of `make bench`)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from pipeline.app.job import Job
from pipeline.config.loader import loads
from tests.real.parts import free_port
from tests.support.agents import Agent, agent, record, records

_FLOWS = 1_000_000
_EACH = (1000, 10_000)
"""Flows in a message; an agent of NetObserv sends 10,000 at most."""
_AGENTS = 4


def main() -> None:
    """Print processor time for each flow, flows a second, and how long an answer takes."""
    print(f"\ngRPC, {_AGENTS} agents that wait for each answer, two metrics")
    for each in _EACH:
        for state in (False, True):
            kept = "with a state" if state else "without a state"
            print(f"  {each:,} flows a message, {kept}: {_served(each, state=state)}")


def _served(each: int, *, state: bool) -> str:
    """Send from another process, and count here."""
    port = free_port()
    metrics = [
        {"name": "flows", "labels": ["DstAddr", "DstPort"]},
        {"name": "bytes", "value": "Bytes", "labels": ["SrcAddr"]},
    ]
    stages = [
        {"name": "in", "type": "ingest_grpc", "listen": f"127.0.0.1:{port}"},
        {"name": "m", "type": "encode_prometheus", "follows": "in", "metrics": metrics},
    ]
    with tempfile.TemporaryDirectory() as folder:
        config = loads(yaml.safe_dump({"stages": stages}), "bench.yaml", Path(folder))
        job = Job(config, state=Path(folder) / "state" if state else None)
        thread = threading.Thread(target=job.run)
        thread.start()
        command = [sys.executable, "-m", "benchmarks.grpc", str(port), str(each)]
        begun = time.process_time()
        took = float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        spent = time.process_time() - begun
        job.runtime.stop()
        thread.join()
        job.close()
    answer = took * _AGENTS / (_FLOWS / each)
    return (
        f"{spent / _FLOWS * 1e6:.2f} us CPU a flow, {_FLOWS / took:,.0f} flows/s, "
        f"{answer * 1000:.0f} ms an answer"
    )


def _send(port: int, each: int) -> None:
    """Send everything, and print the seconds it took; each agent waits for its answers."""
    message = records([record(n % 5000, bytes=n) for n in range(1, each + 1)])

    def one(sender: Agent) -> None:
        for _ in range(_FLOWS // each // _AGENTS):
            sender.send(message)

    with agent(port) as sender, ThreadPoolExecutor(_AGENTS) as pool:
        sender.health()
        begun = time.monotonic()
        list(pool.map(one, [sender] * _AGENTS))
        print(time.monotonic() - begun)


if __name__ == "__main__":
    _send(int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 1 else main()
