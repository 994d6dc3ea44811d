"""A stock Faust agent that only counts: what a flow costs when each is an event.

Prints flows, seconds and processor seconds as JSON when it has seen so many.
Usage: python -m benchmarks.stock_faust BROKERS TOPIC FLOWS
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import faust


def main() -> None:
    """Count, print, end."""
    brokers, topic, flows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    app = faust.App(
        f"stock-{os.getpid()}",
        broker=f"kafka://{brokers}",
        consumer_auto_offset_reset="earliest",
        store="memory://",
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    source = app.topic(topic, value_type=bytes, value_serializer="raw")

    async def count(stream: Any) -> None:
        seen, started, cpu = 0, 0.0, 0.0
        async for _ in stream:
            if not seen:
                started, cpu = time.perf_counter(), time.process_time()
            seen += 1
            if seen == flows:
                seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
                print(
                    "\n" + json.dumps({"flows": seen, "seconds": seconds, "cpu": cpu}), flush=True
                )
                os._exit(0)

    app.agent(source)(count)
    faust.Worker(app, loglevel="ERROR").execute_from_commandline()


if __name__ == "__main__":
    main()
