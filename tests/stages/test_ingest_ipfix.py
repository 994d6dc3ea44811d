"""A run of the engine with an IPFIX source; its decoding is in tests/netflow."""

import base64
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from pipeline.app.job import Job
from pipeline.config.loader import loads
from pipeline.diagnostics import ConfigError
from pipeline.stage import VALUE
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import CheckpointError
from tests.real.parts import debian, free_port
from tests.support import captures, netflow
from tests.support.netflow import Flow

TEMPLATE = netflow.flowset(2, netflow.template(256))
DATA = netflow.flowset(256, *[Flow().record()] * 10)


def config(port: int, **fields: object) -> str:
    source = {"name": "in", "type": "ingest_ipfix", "listen": [f"127.0.0.1:{port}"]}
    metrics = [{"name": "flows"}, {"name": "bytes", "value": "Bytes"}]
    count = {"name": "count", "type": "encode_prometheus", "follows": "in", "metrics": metrics}
    return yaml.safe_dump({"stages": [source | {"linger": "100ms"} | fields, count]})


@contextmanager
def running(text: str, folder: Path, **options: Path) -> Iterator[Job]:
    job = Job(loads(text, "pipeline.yaml", folder), **options)
    thread = threading.Thread(target=job.run)
    thread.start()
    try:
        yield job
    finally:
        job.runtime.stop()
        thread.join(60)
        job.close()


def counted(job: Job) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in job.exposer.final().splitlines() if line[0] != "#")
    return {name: float(value) for name, _, value in lines}


def wait(job: Job, **values: float) -> dict[str, float]:
    """The samples, once these have their values."""
    deadline = time.monotonic() + 60
    while not (values.items() <= (found := counted(job)).items()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def send(port: int, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for packet in packets:
            sock.sendto(packet, ("127.0.0.1", port))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"listen": ["2055"]}, '"2055" is not host:port'),
        ({"listen": []}, "length"),
        ({"sockets": 0}, ">= 1"),
        ({"mapping": [{"element": 1, "field": "X", "as": "float"}]}, "float"),
    ],
)
def test_what_is_refused(fields: dict[str, object], problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(config(1, **fields), "pipeline.yaml", tmp_path)
    assert problem in str(caught.value)


def test_flows_of_all_versions_are_counted(tmp_path: Path) -> None:
    port, letters = free_port(), tmp_path / "letters.jsonl"
    with running(config(port), tmp_path, dead_letters=letters) as job:
        listening(job)
        send(
            port,
            netflow.ipfix(DATA),
            netflow.ipfix(TEMPLATE, DATA),
            netflow.v9(netflow.flowset(0, netflow.template(256, netflow.FLOW_V9))),
            netflow.v9(netflow.flowset(256, Flow(start=1, end=2).record("II"))),
            netflow.v5(Flow(), Flow()),
            b"something else",
        )
        found = wait(job, flows=13)
        assert found["bytes"] == 13 * 840
        assert found['flowmatrix_ingest_flows_processed{stage="in"}'] == 15
        assert found['flowmatrix_stage_flows_rejected{stage="in"}'] == 2
        unknown = 'flowmatrix_ipfix_template_unknown{stage="in",exporter="127.0.0.1"}'
        assert found[unknown] == 1
        lost = 'flowmatrix_ipfix_datagrams_lost{stage="in",by="%s"}'
        assert [found[lost % by] for by in ("kernel", "queue")] == [0, 0]
    rows = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [row["reason"] for row in rows] == [
        "template unknown",
        "neither IPFIX nor NetFlow v9 or v5: version 29551",
    ]
    assert base64.b64decode(rows[0]["payload_b64"]) == DATA[4:]
    assert rows[1]["payload"] == "something else"


def listening(job: Job) -> None:
    """Wait until datagrams are received."""
    wait(job, **{'flowmatrix_ipfix_exporters{stage="in"}': 0})


def test_a_run_goes_on_with_its_counts_and_templates(tmp_path: Path) -> None:
    """The second run has the flows of the first, and reads flows without a template."""
    state = tmp_path / "state"
    for flows, packet in ((10, netflow.ipfix(TEMPLATE, DATA)), (20, netflow.ipfix(DATA))):
        port = free_port()
        with running(config(port), tmp_path, state=state) as job:
            wait(job, **{'flowmatrix_ipfix_datagrams_lost{stage="in",by="queue"}': 0})
            send(port, packet)
            wait(job, flows=flows)


@pytest.mark.slow
def test_after_a_kill_counts_and_templates_go_on_from_the_checkpoint(tmp_path: Path) -> None:
    """Nothing is counted twice; what came after the checkpoint would be lost."""
    pipeline, state = tmp_path / "pipeline.yaml", tmp_path / "state"
    port = free_port()
    pipeline.write_text(config(port) + "checkpoint: {interval: 100ms}\n")
    for flows, packet in ((10, netflow.ipfix(TEMPLATE, DATA)), (20, netflow.ipfix(DATA))):
        with serving(pipeline, state) as (process, url):
            until(url, 'flowmatrix_ipfix_datagrams_lost{stage="in",by="queue"} 0\n')
            send(port, packet)
            until(url, f"flows {flows}\n")
            wait_for(partial(is_saved, state, flows))
            process.kill()


def is_saved(state: Path, flows: int) -> bool:
    """Whether the state has so many flows, and the templates."""
    try:
        tables = {family.name: rows for family, rows in checkpoint_file.tables(state)}
    except CheckpointError:
        return False
    return tables["flows"][VALUE].sum() == flows and (state / "in.templates").exists()


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def serving(pipeline: Path, state: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command `run`, and the URL of its metrics."""
    code = "from pipeline.cli import main; main()"
    command = [sys.executable, "-c", code, "run", str(pipeline), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, "--state", str(state)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        try:
            yield process, process.stderr.readline().split()[1]
        finally:
            process.kill()


def until(url: str, text: str) -> None:
    deadline = time.monotonic() + 60
    while text not in (found := urlopen(url).read().decode()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_two_stages_listen_at_once(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    document = yaml.safe_load(config(ports[0]))
    document["stages"].insert(0, document["stages"][0] | {"name": "other"})
    document["stages"][0]["listen"] = [f"127.0.0.1:{ports[1]}"]
    document["stages"][2]["follows"] = ["in", "other"]
    with running(yaml.safe_dump(document), tmp_path) as job:
        listening(job)
        wait(job, **{'flowmatrix_ipfix_exporters{stage="other"}': 0})
        for port in ports:
            send(port, netflow.v5(Flow()))
        wait(job, flows=2)


def test_a_mapping_makes_fields(tmp_path: Path) -> None:
    mapping = [{"element": 7733, "enterprise": 29, "field": "SrcK8S_Namespace"}]
    port = free_port()
    document = yaml.safe_load(config(port, mapping=mapping))
    document["stages"][1]["metrics"][0]["labels"] = ["SrcK8S_Namespace"]
    template = netflow.flowset(2, netflow.template(256, [(7733, 0xFFFF, 29), (1, 4)]))
    data = netflow.flowset(256, b"\4shop\0\0\0\1")
    with running(yaml.safe_dump(document), tmp_path) as job:
        listening(job)
        send(port, netflow.ipfix(template, data))
        wait(job, **{'flows{SrcK8S_Namespace="shop"}': 1})


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return captures.write(tmp_path_factory.mktemp("capture") / "flows.pcap")


@pytest.fixture(scope="module")
def softflowd() -> str:
    return debian("softflowd", "softflowd")


@pytest.mark.real
@pytest.mark.parametrize(("version", "kind"), [(5, "NETFLOW_V5"), (9, "NETFLOW_V9"), (10, "IPFIX")])
def test_flows_of_a_real_exporter(
    version: int, kind: str, capture: Path, softflowd: str, tmp_path: Path
) -> None:
    """softflowd reads a capture, of which it is known what each end sent: it comes out the same."""
    port = free_port()
    document = yaml.safe_load(config(port))
    ends = ["Type", "SrcAddr", "DstAddr", "SrcPort", "DstPort", "Proto"]
    for metric in document["stages"][1]["metrics"]:
        metric["labels"] = ends
    packets = {"name": "packets", "value": "Packets", "labels": ends}
    document["stages"][1]["metrics"].append(packets)
    with running(yaml.safe_dump(document), tmp_path) as job:
        listening(job)
        command = [softflowd, "-r", str(capture), "-v", str(version), "-n", f"127.0.0.1:{port}"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        flows = captures.FLOWS if version > 5 else [f for f in captures.FLOWS if ":" not in f.src]
        wanted = dict[str, float]()
        for flow in flows:
            values = (kind, *flow[:5])
            labels = ",".join(f'{n}="{v}"' for n, v in zip(ends, values, strict=True))
            wanted |= {
                f"flows{{{labels}}}": 1,
                f"bytes{{{labels}}}": flow.octets,
                f"packets{{{labels}}}": flow.packets,
            }
        found = wait(job, **wanted)
        assert {name for name in found if name.startswith(("flows{", "bytes{", "packets{"))} == (
            wanted.keys()
        )
        assert found['flowmatrix_stage_flows_rejected{stage="in"}'] == 0
