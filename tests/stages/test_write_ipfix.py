"""Flows out as IPFIX: to nfcapd, and back into this engine."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import yaml

from pipeline.app.job import Job
from pipeline.config.loader import loads
from pipeline.diagnostics import ConfigError
from pipeline.testing import assert_laws
from stages.write_ipfix import WriteIpfix
from tests.real.parts import debian, free_port

FLOWS = [
    {
        "Etype": 0x800,
        "SrcAddr": f"10.0.0.{n}",
        "DstAddr": "10.0.1.1",
        "SrcPort": 40_000 + n,
        "DstPort": 443,
        "Proto": 6,
        "Flags": ["SYN", "ACK"],
        "Bytes": 5_000_000_000 + n,
        "Packets": n,
        "TimeFlowStartMs": 1_700_000_000_123,
        "TimeFlowEndMs": 1_700_000_001_123,
        "SrcMac": "0a:58:0a:80:02:0e",
        "SrcK8S_Namespace": "shop",
    }
    for n in range(1, 100)
]
FLOWS += [
    flow | {"Etype": 0x86DD, "SrcAddr": "2001:db8::1", "DstAddr": "::2"} for flow in FLOWS[:9]
]


def spec(**fields: object) -> WriteIpfix:
    given = {"type": "write_ipfix", "name": "out", "follows": "x", "target": "localhost:4739"}
    return msgspec.convert(given | fields, WriteIpfix)


def config(folder: Path, port: int, **fields: object) -> str:
    recording = folder / "flows.jsonl"
    recording.write_text("".join(json.dumps(flow) + "\n" for flow in FLOWS))
    source = {"name": "in", "type": "ingest_file", "path": str(recording), "decoder": "json"}
    out = {"name": "out", "type": "write_ipfix", "follows": "in", "target": f"127.0.0.1:{port}"}
    return yaml.safe_dump({"stages": [source, out | {"batch": {"wait": "0s"}} | fields]})


def run(text: str, folder: Path) -> Job:
    """A run to the end of its input, and of its output."""
    job = Job(loads(text, "pipeline.yaml", folder))
    job.run()
    job.close()
    return job


def measured(job: Job) -> list[float]:
    """Flows written and lost."""
    values = job.telemetry.snapshot()
    return [values[f"records_{name}"].get("out", 0) for name in ("written", "lost")]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"target": "collector"}, '"collector" is not host:port'),
        ({"target": "collector:0"}, "0 is not a port"),
        ({"transport": "sctp"}, "sctp"),
        ({"enterprise": -1}, ">= 0"),
    ],
)
def test_what_is_refused(fields: dict[str, object], problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(config(tmp_path, 1, **fields), "pipeline.yaml", tmp_path)
    assert problem in str(caught.value)


def test_the_laws() -> None:
    assert_laws(spec(enterprise=2), FLOWS)


def test_it_reads_what_it_writes() -> None:
    assert "SrcK8S_Namespace" not in spec().reads()
    assert "SrcK8S_Namespace" in spec(enterprise=2).reads()


def test_flows_come_back(tmp_path: Path) -> None:
    """Another run of this engine counts the flows that the first one sends."""
    port = free_port()
    labels = ["SrcK8S_Namespace", "Proto", "DstPort"]
    metrics = [{"name": "flows", "labels": labels}, {"name": "bytes", "value": "Bytes"}]
    mapping = [{"element": 7733, "enterprise": 56505, "field": "SrcK8S_Namespace"}]
    source = {"name": "in", "type": "ingest_ipfix", "listen": [f"127.0.0.1:{port}"]}
    stages = [
        source | {"mapping": mapping, "linger": "100ms"},
        {"name": "count", "type": "encode_prometheus", "follows": "in", "metrics": metrics},
    ]
    reader = Job(loads(yaml.safe_dump({"stages": stages}), "pipeline.yaml", tmp_path))
    thread = threading.Thread(target=reader.run)
    thread.start()
    try:
        wait_for(reader, 'flowmatrix_ipfix_exporters{stage="in"} 0')
        sent = run(config(tmp_path, port, transport="udp", enterprise=56505), tmp_path)
        assert measured(sent) == [len(FLOWS), 0]
        counted = 'flows{SrcK8S_Namespace="shop",Proto="6",DstPort="443"} %d'
        wait_for(reader, counted % len(FLOWS))
        total = sum(int(str(flow["Bytes"])) for flow in FLOWS)
        wait_for(reader, f"bytes {total}")
    finally:
        reader.runtime.stop()
        thread.join(60)
        reader.close()


def wait_for(job: Job, sample: str) -> None:
    deadline = time.monotonic() + 60
    while sample not in (found := job.exposer.final().splitlines()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@pytest.fixture(scope="module")
def nfcapd() -> str:
    return debian("nfdump", "nfcapd")


@contextmanager
def capturing(nfcapd: str, folder: Path, port: int) -> Iterator[None]:
    """nfcapd, which writes the flows it gets into the folder when it ends."""
    command = [nfcapd, "-p", str(port), "-b", "127.0.0.1", "-w", str(folder), "-t", "3600"]
    with (folder.parent / "nfcapd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not list(folder.glob("nfcapd.current*")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(60)


def wait_until_read(port: int) -> None:
    """Until nothing waits in the socket of this port: the collector does not say how far it is."""
    deadline = time.monotonic() + 60
    while any(
        row.split()[1].endswith(f":{port:04X}") and not row.split()[4].endswith(":00000000")
        for row in Path("/proc/self/net/udp").read_text().splitlines()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.real
def test_a_real_collector_reads_them(nfcapd: str, tmp_path: Path) -> None:
    folder, port = tmp_path / "captured", free_port()
    folder.mkdir()
    with capturing(nfcapd, folder, port):
        sent = run(config(tmp_path, port, transport="udp", enterprise=56505), tmp_path)
        assert measured(sent) == [len(FLOWS), 0]
        wait_until_read(port)
    log = (tmp_path / "nfcapd.log").read_text()
    assert f"Flows: {len(FLOWS)}, " in log
    assert "Sequence Errors: 0, Bad Packets: 0" in log
    command = ["nfdump", "-R", str(folder), "-o", "json"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    rows = json.loads(done.stdout)
    found = {(row["proto"], row.get("src4_addr"), row["src_port"]): row for row in rows}
    row = found[6, "10.0.0.7", 40_007]
    wanted = {
        "dst4_addr": "10.0.1.1",
        "dst_port": 443,
        "in_bytes": 5_000_000_007,
        "in_packets": 7,
        "first": "2023-11-14T22:13:20.123",
        "last": "2023-11-14T22:13:21.123",
        "tcp_flags": "...A..S.",
        "in_src_mac": "0a:58:0a:80:02:0e",
    }
    assert {name: row[name] for name in wanted} == wanted
    assert len({key for key in found if key[1] is None}) == 9, "of IPv6"


def test_without_a_collector_flows_are_lost_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"retry": {"max_retries": 1, "min_backoff": "10ms"}, "transport": "tcp"}
    sent = run(config(tmp_path, free_port(), **fields), tmp_path)
    assert measured(sent) == [0, len(FLOWS)]
    assert f"{len(FLOWS)} flows are lost" in caplog.text
    assert "Connection refused" in caplog.text
