"""What `ingest_ipfix` costs, alone and from a socket to counters (part of `make bench`)."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import yaml

from pipeline.app.job import Job
from pipeline.config.loader import loads
from pipeline.netflow.columns import decoder
from pipeline.netflow.exporters import Exporters
from pipeline.netflow.payload import address
from pipeline.stage import BuildContext, Unmeasured

_FIELDS = (
    *((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1), (1, 8), (2, 8)),
    *((10, 4), (14, 4), (152, 8), (153, 8)),
)
_RECORD = sum(size for _, size in _FIELDS)
_EACH = 24
"""Flows in a datagram of less than 1,500 bytes."""
_PACKETS = 4_000
_BATCH = 20_000
_SECONDS = 10
_RATES = (50_000, 100_000)
"""Flows a second."""
_READ = frozenset({"SrcAddr", "DstAddr", "DstPort", "Proto", "Flags", "Bytes"})
_WARMUP = 1.0


def main() -> None:
    """Print processor time for each flow, and what arrives of flows sent at a rate."""
    print(f"\nIPFIX, {len(_FIELDS)} fields of fixed length, {_EACH} flows a datagram")
    for title, needed in (("six fields read", _READ), ("all fields read", None)):
        print(f"  cut and decoded, {title} {_decoded(needed):5.2f} us CPU a flow")
    for rate in _RATES:
        print(f"  from a socket to two metrics, {rate:,} flows/s sent: {_served(rate)}")


def _decoded(needed: frozenset[str] | None) -> float:
    """Microseconds of processor time for each flow."""
    exporters, sender = Exporters("flows", Unmeasured()), address("192.0.2.1")
    decode, packets = decoder(BuildContext(needed=needed)), _packets()
    exporters.payloads(_template(), sender, 0)
    spent = 0.0
    for _ in range(2):  # the first time warms up
        begun = time.process_time()
        payloads = [one for packet in packets for one in exporters.payloads(packet, sender, 1)]
        for start in range(0, len(payloads), _BATCH):
            decode(payloads[start : start + _BATCH])
        spent = time.process_time() - begun
    return spent / len(packets) / _EACH * 1e6


def _served(rate: int) -> str:
    """Send from another process, and count here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    metrics = [
        {"name": "flows", "labels": ["DstAddr", "DstPort"]},
        {"name": "bytes", "value": "Bytes", "labels": ["SrcAddr"]},
    ]
    stages = [
        {"name": "in", "type": "ingest_ipfix", "listen": [f"127.0.0.1:{port}"]},
        {"name": "m", "type": "encode_prometheus", "follows": "in", "metrics": metrics},
    ]
    with tempfile.TemporaryDirectory() as folder:
        job = Job(loads(yaml.safe_dump({"stages": stages}), "bench.yaml", Path(folder)))
        thread = threading.Thread(target=job.run)
        thread.start()
        time.sleep(_WARMUP)
        command = [sys.executable, "-m", "benchmarks.netflow", str(port), str(rate)]
        begun = time.process_time()
        sent = int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        counted, before = 0, -1
        while counted != before:  # until the queue is empty
            time.sleep(2 * _WARMUP)
            before, counted = counted, int(job.telemetry.snapshot()["stage_flows_out"]["in"])
        spent = time.process_time() - begun
        job.runtime.stop()
        thread.join()
        job.close()
    arrived = f"{counted:,} of {sent:,} counted"
    return f"{arrived}, {spent / max(1, counted) * 1e6:.2f} us CPU a flow"


def _send(port: int, rate: int) -> None:
    """Send at a rate for some seconds, and print how many flows those were."""
    packets, sent = _packets(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.send(_template())
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < _SECONDS:
            for _ in range(int((passed * rate - sent) // _EACH)):
                sock.send(packets[sent // _EACH % len(packets)])
                sent += _EACH
            time.sleep(0.002)
    print(sent)


def _message(number: int, body: bytes, sequence: int) -> bytes:
    head = struct.pack(">HHIII", 10, 20 + len(body), int(time.time()), sequence, 1)
    return head + struct.pack(">HH", number, 4 + len(body)) + body


def _template() -> bytes:
    fields = b"".join(struct.pack(">HH", *field) for field in _FIELDS)
    return _message(2, struct.pack(">HH", 256, len(_FIELDS)) + fields, 0)


def _packets() -> list[bytes]:
    random = np.random.default_rng(1)
    table = np.zeros((_PACKETS * _EACH, _RECORD), np.uint8)
    table[:, 0:8] = np.array([10, 0, 0, 0, 10, 1, 0, 0], np.uint8)
    table[:, [2, 3, 7]] = random.integers(0, 256, (len(table), 3))
    table[:, 8:10] = random.integers(128, 256, (len(table), 2))
    table[:, [11, 12, 13, 22, 30]] = np.array([53, 6, 24, 200, 3], np.uint8)
    size = _EACH * _RECORD
    data = table.tobytes()
    return [_message(256, data[n * size : (n + 1) * size], n * _EACH) for n in range(_PACKETS)]


if __name__ == "__main__":
    _send(int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 1 else main()
