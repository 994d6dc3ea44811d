"""Service names by port and protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import BuildContext
from pipeline.testing import assert_laws
from stages.service_name import ServiceName
from tests.stages.flows import GOLDEN, Flow, lines, rules, run

CASE = "network-add-service"
FOLDER = GOLDEN / CASE


def stage(**more: Any) -> ServiceName:
    [rule] = rules(CASE)
    files = {"services_file": rule["servicesFile"], "protocols_file": rule["protocolsFile"]}
    return ServiceName(name="service", **{**files, **rule["add_service"], **more})


STEP = stage().build(BuildContext(folder=FOLDER))


def test_golden() -> None:
    """The services; a port that came as text is a number since it was decoded."""
    assert list(stage().check(FOLDER)) == []
    got, expected = run(STEP, lines(CASE, "flows.jsonl")), lines(CASE, "expected.jsonl")
    assert [flow.get("Service") for flow in got] == [flow.get("Service") for flow in expected]
    assert len(got) == 18


def test_of_two_lines_the_last_counts(tmp_path: Path) -> None:
    (tmp_path / "services").write_text("old 80/tcp\nnew 80/TCP # web\nbroken 81\n")
    (tmp_path / "protocols").write_text("tcp 6 TCP\n# udp 17\n")
    flows: list[Flow] = [
        {"DstPort": 80, "Proto": 6},
        {"DstPort": 80, "Proto": "TCP"},
        {"DstPort": 80, "Proto": "udp"},
        {"DstPort": 81, "Proto": 17},
        {"DstPort": 81, "Service": "kept"},
        {"DstPort": None, "Proto": 6},
    ]
    got = run(stage().build(BuildContext(folder=tmp_path)), flows)
    assert [flow.get("Service") for flow in got] == ["new", "new", "new", "", "kept", None]


def test_a_number_of_any_length_is_no_reason_to_fail(tmp_path: Path) -> None:
    """A port, a protocol or a line of a file with more digits than an integer may have."""
    many = "9" * 5000
    (tmp_path / "services").write_text(f"long {many}/tcp\nweb 80/tcp\n")
    (tmp_path / "protocols").write_text(f"huge {many}\ntcp 6\n")
    flows: list[Flow] = [{"DstPort": 80, "Proto": many}, {"port": many, "Proto": 6}]
    found = run(stage().build(BuildContext(folder=tmp_path)), flows[:1])
    assert found[0]["Service"] == "web"
    assert run(stage(input="port").build(BuildContext(folder=tmp_path)), flows[1:]) == flows[1:]


def test_check(tmp_path: Path) -> None:
    found = [(p.path, p.message) for p in stage(input="").check(tmp_path)]
    assert found == [
        (("input",), "`input` is empty"),
        (("services_file",), "services: cannot be read: No such file or directory"),
        (("protocols_file",), "protocols: cannot be read: No such file or directory"),
    ]
    assert stage().reads() == {"DstPort", "Proto"}


def test_a_frame_without_ports_passes() -> None:
    assert run(STEP, [{"Proto": 6}]) == [{"Proto": 6}]


FLOWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "DstPort": st.sampled_from([443, 53, 1, "443", "x", 443.5, None]),
            "Proto": st.sampled_from([6, 17, 132, "tcp", "foo", None]),
            "Service": st.sampled_from(["kept", 3]),
        },
    ),
    min_size=1,
    max_size=10,
)


@given(FLOWS, st.integers(0, 10))
def test_laws(flows: list[dict[str, Any]], cut: int) -> None:
    assert_laws(STEP, flows, cut)
