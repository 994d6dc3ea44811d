"""One measured run of a pipeline on one core; prints its figures as JSON.

Started by the benchmarks as a process of its own, so that memory and processor time are its own.
With --scrape the metrics are read every half second meanwhile, and the process may use all cores.
Usage: python -m benchmarks.measure CONFIG [--scrape]
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"
if "--scrape" not in sys.argv:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

from pipeline import config
from pipeline.app.job import Job
from pipeline.stage import Encoder, Source


def main() -> None:
    """Run the pipeline to its end and print what it took."""
    job = Job(config.load(Path(sys.argv[1])))
    scrapes: list[float] = []
    done = threading.Event()
    if "--scrape" in sys.argv:
        threading.Thread(target=_scrape, args=(job, scrapes, done), daemon=True).start()
    started, cpu = time.perf_counter(), time.process_time()
    job.run()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    done.set()
    series = sum(table.size for table in job.counts.tables())
    start = time.perf_counter()
    size = len(job.exposer.final())
    print(
        json.dumps(
            _accounting(job)
            | {
                "seconds": seconds,
                "cpu_seconds": cpu,
                "rss_mb": _peak_mb(),
                "series": series,
                "exposition_ms": (time.perf_counter() - start) * 1000,
                "exposition_bytes": size,
                "scrapes_ms": [round(scrape * 1000) for scrape in scrapes],
            }
        )
    )


def _peak_mb() -> float:
    """The most memory this program held; rusage would include the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def _scrape(job: Job, scrapes: list[float], done: threading.Event) -> None:
    while not done.wait(0.5):
        start = time.perf_counter()
        job.exposer.page()
        scrapes.append(time.perf_counter() - start)


def _accounting(job: Job) -> dict[str, object]:
    """Messages in, rejected, and per encoder counted + filtered + rejected = in."""
    flows = job.telemetry.snapshot()
    sources = [node.name for node in job.plan.nodes if isinstance(node.spec, Source)]
    read = sum(flows["stage_flows_in"][name] for name in sources)
    rejected = sum(flows["stage_flows_rejected"][name] for name in sources)
    encoders = [node.name for node in job.plan.nodes if isinstance(node.spec, Encoder)]
    sums = all(
        flows["stage_flows_in"][name]
        == flows["stage_flows_out"][name]
        + flows["stage_flows_filtered"][name]
        + flows["stage_flows_rejected"][name]
        for name in encoders
    )
    shares = {node.name: flows["stage_seconds"][node.name] for node in job.plan.nodes}
    return {"messages": read, "rejected": rejected, "sums": sums, "stage_seconds": shares}


if __name__ == "__main__":
    main()
