"""Bad input of every kind, with the real command: an error in plain words or a dead letter each.

Exit 78 is a configuration refused, 1 an input that cannot be read; a traceback is neither. In every
run that ends well the self-metrics add up: what comes into a stage goes out, is filtered or
rejected.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.app.job import Job
from pipeline.flows.catalogue import CATALOGUE
from simulate import Simulation, simulate
from tests.attack.accounts import Stage, accounts, add_up
from tests.attack.accounts import jobs as jobs_of
from tests.support.records import message_class

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
PIPELINE = """\
stages:
- {name: in, type: ingest_file, path: INPUT, decoder: DECODER}
- {name: flags, type: tcp_flags, follows: in}
- {name: some, type: filter, follows: flags, query: Proto=6}
- name: count
  type: encode_prometheus
  follows: some
  metrics:
  - {name: flows, labels: [DstPort]}
  - {name: bytes, value: Bytes}
  - {name: never, value: DnsLatencyMs}
"""


class Done(NamedTuple):
    """A run that ended well: samples of the pipeline's metrics, accounts, dead letters."""

    samples: dict[str, float]
    stages: dict[str, Stage]
    letters: list[dict[str, str]]
    said: str


def flowmatrix(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run(folder: Path, data: bytes, decoder: str = "json", code: int = 0) -> Done:
    """A run over an input, which ends with this exit status."""
    (folder / "input").write_bytes(data)
    pipeline = PIPELINE.replace("INPUT", "input").replace("DECODER", decoder)
    (folder / "pipeline.yaml").write_text(pipeline)
    options = ("--metrics-out", "metrics", "--dead-letters", "letters")
    done = flowmatrix("run", "pipeline.yaml", "--once", *options, folder=folder)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    text = (folder / "metrics").read_text()
    own = (
        line.rpartition(" ") for line in text.splitlines() if re.match("flows|bytes|never", line)
    )
    letters = [json.loads(line) for line in (folder / "letters").read_text().splitlines()]
    stages = accounts(text)
    for stage in stages.values():
        assert stage.come == stage.out + stage.filtered + stage.rejected
    assert stages["flags"].come == stages["in"].out
    assert stages["count"].come == stages["some"].out * 3
    assert len(letters) == sum(stage.rejected for stage in stages.values())
    return Done({n: float(v) for n, _, v in own}, stages, letters, done.stderr)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate("reference", tmp_path_factory.mktemp("reference") / "reference.pb")


def test_records_cut_short_and_noise(tmp_path: Path, reference: Simulation) -> None:
    whole = reference.recording.read_bytes()
    cut = run(tmp_path, whole[:20_000], "protobuf")
    (letter,) = cut.letters
    assert re.fullmatch(r"the input ends inside a message, \d+ bytes into it", letter["reason"])
    assert cut.stages["in"].out > 100
    noise = run(tmp_path, Random(1).randbytes(50_000), "protobuf", code=1)
    assert (noise.stages["in"].out, len(noise.letters)) == (0, 1)
    record = message_class()(eth_protocol=0x800, transport={"protocol": 6, "dst_port": 9})
    record.network.src_addr.ipv4 = record.network.dst_addr.ipv4 = 1
    good = record.SerializeToString()
    messages = [Random(n).randbytes(60) for n in range(50)] + [
        b"\x08",
        b"\x9a\x01\x02\xff\xfe",
        good,
    ]
    framed = b"".join(bytes([len(message)]) + message for message in messages)
    mixed = run(tmp_path, framed, "protobuf")
    assert mixed.stages["in"].come == 53
    assert len(mixed.letters) > 40
    assert mixed.samples['flows{DstPort="9"}'] == 1


def test_an_empty_input_is_no_error(tmp_path: Path) -> None:
    for decoder in ("json", "protobuf"):
        done = run(tmp_path, b"", decoder)
        assert (done.samples, done.letters) == ({}, [])
        assert done.stages == dict.fromkeys(["in", "flags", "some", "count"], Stage(0, 0, 0, 0))


LINES = {
    b'{"Proto":6,"DstPort":"443","Bytes":"12"}': "",
    b'{"Proto":"6","DstPort":true}': "",
    b'{"Proto":6,"DstPort":"\xff"}': "",
    b'{"Proto":6,"Flags":{"a":1}}': "",
    b'{"Proto":17,"Proto":6}': "",
    b'{"Proto":1}': "",
    b"{}": "",
    b"null": "",
    b'{"Proto":6,"Bytes":NaN}': "JSON is malformed",
    b'{"Proto":6,"Bytes":1e400}': "Number out of range",
    b"[1]": "an array instead of an object",
    b"": "",
    b"nonsense": "JSON is malformed",
    b'{"Proto":6}trailing': "JSON is malformed: trailing characters",
    b'{"Proto":6,"\\u001f":1}': "a reserved field name",
    b'{"a":' * 3000: "JSON nested more than 100 deep",
    b"[" * 100_000: "JSON nested more than 100 deep",
    b'{"Proto":6,"Bytes":"NaN"}': 'metric bytes: Bytes "NaN" is not a number',
    b'{"Proto":6,"Bytes":"many"}': 'metric bytes: Bytes "many" is not a number',
    b'{"Proto":6,"Bytes":[1]}': 'metric bytes: Bytes "[1]" is not a number',
    b'{"Proto":6,"Bytes":-5}': 'metric bytes: Bytes "-5" is negative',
}


def test_odd_json(tmp_path: Path) -> None:
    """Each line is counted or a dead letter, and those behind it are read."""
    done = run(tmp_path, b"\n".join([*LINES, b'{"Proto":6,"DstPort":9}']))
    reasons = [letter["reason"] for letter in done.letters]
    expected = [reason for reason in LINES.values() if reason]
    assert len(reasons) == len(expected)
    for reason, start in zip(reasons, expected, strict=True):
        assert reason.startswith(start)
    assert done.samples == {
        'flows{DstPort="443"}': 1,
        'flows{DstPort="true"}': 1,
        'flows{DstPort="\ufffd"}': 1,
        'flows{DstPort=""}': 6,
        'flows{DstPort="9"}': 1,
        "bytes": 12,
    }
    assert done.stages["some"].filtered == 3


def test_fields_of_10_and_20_mb(tmp_path: Path) -> None:
    def line(size: int) -> bytes:
        return b'{"Proto":6,"DstPort":1,"SrcAddr":"' + b"x" * (size << 20) + b'"}\n'

    done = run(tmp_path, line(10) + line(20) + b'{"Proto":6,"DstPort":2}\n')
    assert done.samples == {'flows{DstPort="1"}': 1, 'flows{DstPort="2"}': 1}
    assert done.letters[0]["reason"] == "a part of a message of more than 16777216 bytes"


def test_a_metric_no_flow_matches_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, b'{"Proto":6,"Bytes":1}')
    assert done.said == (
        "1 read, 0 rejected; in 3 metrics and outputs 2 counted, 1 filtered, 0 rejected\n"
        "warning: metrics no flow was counted in: never\n"
    )


@pytest.mark.parametrize("before", [0, 1500])
def test_a_file_that_was_being_written_is_counted_once(tmp_path: Path, before: int) -> None:
    """Its last message, then cut short, is read again when the file has grown."""
    text = PIPELINE.replace("INPUT", "input").replace("DECODER", "json")
    (tmp_path / "pipeline.yaml").write_text(text)
    line = b'{"Proto":6,"Bytes":1}\n'
    for data, counted in [
        (line * (before + 1) + b'{"Proto":6,', before + 1),
        (line * (before + 1) + b'{"Proto":6,', before + 1),
        (line * (before + 3), before + 3),
        (line * (before + 3), before + 3),
    ]:
        (tmp_path / "input").write_bytes(data)
        options = ("--state", "state", "--metrics-out", "metrics")
        done = flowmatrix("run", "pipeline.yaml", "--once", *options, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"\nbytes {counted}\n" in (tmp_path / "metrics").read_text()


def test_of_cut_compression_what_was_whole_is_counted(tmp_path: Path) -> None:
    data = b"".join(b'{"Proto":6,"n":%d}\n' % number for number in range(50_000))
    for name, packed in {
        "gzip": gzip.compress(data),
        "zstd": pa.compress(data, codec="zstd", asbytes=True),
    }.items():
        half = len(packed) // 2
        done = run(tmp_path, packed[:half])
        [letter] = done.letters
        assert letter["reason"] == f"the {name} data ends early, at byte {half} of the input"
        assert 10_000 < done.stages["in"].out < 40_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dead-letters", "/proc/nowhere/x"], "error: /proc/nowhere: "),
        (["--state", "/proc/nowhere"], "error: cannot lock the state in /proc/nowhere: "),
        (["--input", "nowhere"], "error: "),
    ],
)
def test_files_that_cannot_be_written_or_read(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "input").write_bytes(b'{"Proto":6,"Bytes":1,"DnsLatencyMs":1}')
    pipeline = PIPELINE.replace("INPUT", "input").replace("DECODER", "json")
    (tmp_path / "pipeline.yaml").write_text(pipeline)
    done = flowmatrix("run", "pipeline.yaml", "--once", *arguments, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--metrics-out", "nowhere/metrics"], "no folder nowhere"),
        (["--metrics-out", "."], ". is a folder, not a file"),
        (["--listen", "9102"], '"9102" is not host:port'),
    ],
)
def test_options_are_checked_before_the_run(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = flowmatrix("run", "pipeline.yaml", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


def _metric(text: str) -> str:
    return f"""\
stages:
- {{name: in, type: ingest_stdin, decoder: json}}
- {{name: out, type: encode_prometheus, follows: in, metrics: [{text}]}}
"""


def _stage(text: str) -> str:
    return f"""\
stages:
- {{name: in, type: ingest_stdin, decoder: json}}
- {{name: stage, follows: in, {text}}}
- {{name: out, type: write_stdout, follows: stage}}
"""


CONFIGS: dict[str, tuple[str | bytes, str]] = {
    "no-folder": (_stage("type: ingest_file").replace("stdin", "file"), ":2:3: error: "),
    "le": (
        _metric("{name: a, type: histogram, labels: [le]}"),
        ':3:99: error: stage "out", field metrics[0].labels[0]: a histogram has its own label',
    ),
    "regex": (
        _stage('type: filter, match: [{field: Proto, type: match_regex, value: "("}]'),
        ':3:93: error: stage "stage", field match[0].value: "(" is not a valid regular',
    ),
    "cidr": (
        _stage("type: subnet_label, labels: [{name: a, cidrs: [10.0.0/8]}]"),
        ':3:77: error: stage "stage", field labels[0].cidrs[0]: label "a": "10.0.0/8" is not',
    ),
    "huge": (
        "stages:\n" + "- {name: a, type: pass_through}\n" * 200_000,
        ": error: the file is lo",
    ),
    "bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "stages: *i\n",
        ":6:26: error: more than 500000 values, aliases expanded",
    ),
    "loop": ("stages: &a [*a]\n", ":1:13: error: *a contains itself"),
    "deep": ("stages: " + "[" * 100_000, ":1:109: error: nested deeper than 100 levels"),
    "latin": (b"stages: [\xff]\n", ":1:10: error: the file is not UTF-8"),
    "tag": ("stages: !!python/name:os.system\n", ":1:9: error: unknown tag; "),
    "empty": ("", ':1:1: error: expected a mapping with "stages"'),
    "missing": (
        _stage("type: kubernetes, inventory: nowhere.yaml"),
        ':3:59: error: stage "stage", field inventory: ',
    ),
}


def test_configurations(tmp_path: Path) -> None:
    names = [f"{name}.yaml" for name in CONFIGS]
    for name, (text, _) in zip(names, CONFIGS.values(), strict=True):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    done = flowmatrix("validate", *names, folder=tmp_path)
    assert done.returncode == 78
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    for name, (_, said) in zip(names, CONFIGS.values(), strict=True):
        assert any(line.startswith(name + said) for line in lines), (name, done.stderr)


def test_a_cidr_with_host_bits_is_said_and_used(tmp_path: Path) -> None:
    text = _stage("type: subnet_label, labels: [{name: a, cidrs: [10.0.0.5/8]}]")
    (tmp_path / "a.yaml").write_text(text)
    done = flowmatrix("validate", "a.yaml", folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == (
        'a.yaml:3:77: warning: stage "stage", field labels[0].cidrs[0]: label "a": "10.0.0.5/8" '
        "has host bits; it means 10.0.0.0/8\n"
    )


CELLS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["10.128.0.14", "6", "SYN", "1e9", "::1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [name for name in CATALOGUE if name.startswith(("Src", "T", "P", "Fl", "U", "I", "N"))]
)
FLOWS = st.dictionaries(FIELDS | st.text(max_size=4), CELLS, max_size=7).map(msgspec.json.encode)
GARBAGE = st.binary(max_size=40)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A record of the agent, whole, with bytes changed, or cut short."""
    record = message_class()(
        eth_protocol=draw(st.sampled_from([0x800, 0x86DD, 0])),
        flags=draw(st.integers(0, 2**32 - 1)),
        bytes=draw(st.integers(0, 2**64 - 1)),
        dns_name=draw(st.text(max_size=5)),
        dns_id=draw(st.integers(0, 1)),
    )
    record.time_flow_end.seconds = draw(st.integers(-(2**63), 2**63 - 1))
    record.network.src_addr.ipv4 = draw(st.integers(0, 2**32 - 1))
    record.network.dst_addr.ipv6 = draw(st.binary(max_size=17))
    record.transport.protocol = draw(st.sampled_from([6, 17, 1]))
    data = bytearray(record.SerializeToString())
    for place in draw(st.lists(st.integers(0, len(data) - 1), max_size=2)):
        data[place] ^= draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)) | st.just(len(data)))])


@pytest.fixture(scope="module")
def jobs(reference: Simulation) -> dict[str, Job]:
    return jobs_of(reference)


@settings(max_examples=150)
@given(st.lists(FLOWS | GARBAGE, max_size=8))
def test_any_json_adds_up(jobs: dict[str, Job], payloads: list[bytes]) -> None:
    add_up(jobs["json"], payloads)


@settings(max_examples=150)
@given(st.lists(messages() | GARBAGE, max_size=8))
def test_any_protobuf_adds_up(jobs: dict[str, Job], payloads: list[bytes]) -> None:
    add_up(jobs["protobuf"], payloads)
