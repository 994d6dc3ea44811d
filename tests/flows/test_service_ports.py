"""Ports by which services are known."""

from pipeline.flows import service_ports


def test_privileged_ports_and_those_listed() -> None:
    known = service_ports.known()
    assert [known[port] for port in (1, 53, 443, 1023, 5432, 8080, 9090)] == [True] * 7
    assert [known[port] for port in (0, 1024, 12_345, 40_000, 65_535)] == [False] * 5
    assert len(known) == 65_536


def test_none_is_one_that_clients_take() -> None:
    assert max(service_ports.LISTED) < service_ports.EPHEMERAL
