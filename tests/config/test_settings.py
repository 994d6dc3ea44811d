"""Settings: defaults, and what is wrong beyond types."""

from pathlib import Path

import pytest

from pipeline.config.settings import MatrixSettings, ServerSettings, Settings


def test_defaults() -> None:
    settings = Settings()
    assert settings.server.address == ("127.0.0.1", 9102)
    assert settings.self_metrics.prefix == "flowmatrix_"
    assert settings.self_metrics.process
    assert settings.limits.max_series == 1_000_000
    assert settings.dead_letters.max_ratio == 0
    assert settings.log_level == "info"
    assert list(settings.check(Path())) == []


@pytest.mark.parametrize(
    ("listen", "address"),
    {
        "127.0.0.1:0": ("127.0.0.1", 0),
        "[::1]:80": ("::1", 80),
        "node.example:65535": ("node.example", 65535),
    }.items(),
)
def test_addresses(listen: str, address: tuple[str, int]) -> None:
    assert ServerSettings(listen=listen).address == address


@pytest.mark.parametrize(
    "listen",
    [
        "",
        "host",
        "host:",
        "host:http",
        "::1:80",
        "h:65536",
        "h:٣",
        "h:00000099999",
        "h:" + "9" * 5000,
    ],
)
def test_what_is_no_address(listen: str) -> None:
    (problem,) = Settings(server=ServerSettings(listen=listen)).check(Path())
    assert problem.path == ("server", "listen")
    assert problem.message == f'"{listen}" is not host:port'


def test_a_port_alone_does_not_say_to_whom_the_server_answers() -> None:
    """Neither the whole network without being asked, nor nobody in a container."""
    (problem,) = Settings(server=ServerSettings(listen=":9299")).check(Path())
    assert "127.0.0.1:9299 for this machine" in problem.message
    assert "0.0.0.0:9299 for every network" in problem.message


def test_tls_files(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").touch()
    server = ServerSettings(tls_cert="cert.pem", tls_key="key.pem")
    assert [(p.path, p.message) for p in server.check(tmp_path)] == [
        (("tls_key",), 'no file "key.pem"')
    ]
    (problem,) = ServerSettings(tls_cert="cert.pem").check(tmp_path)
    assert (problem.path, problem.message) == (("tls_cert",), "tls_cert and tls_key go together")


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9102", "http://127.0.0.1:9102"),
        ("0.0.0.0:9102", "http://127.0.0.1:9102"),
        ("[::]:80", "http://127.0.0.1:80"),
        ("[::1]:80", "http://[::1]:80"),
        ("worker-1:80", "http://worker-1:80"),
    ],
)
def test_where_a_server_is_reached_from_here(listen: str, url: str) -> None:
    assert ServerSettings(listen=listen).url == url
    assert ServerSettings(listen=listen, tls_cert="c", tls_key="k").url == f"https{url[4:]}"


def test_an_approved_matrix_is_a_file(tmp_path: Path) -> None:
    settings = Settings(matrix=MatrixSettings(approved="approved.yaml"))
    (problem,) = settings.check(tmp_path)
    assert (problem.path, problem.message) == (("matrix", "approved"), 'no file "approved.yaml"')
    (tmp_path / "approved.yaml").touch()
    assert list(settings.check(tmp_path)) == []


def test_what_the_server_asks_for(tmp_path: Path) -> None:
    """Credentials that cannot work are errors, those that can be read on their way are told."""
    token, own = tmp_path / "token", {"token_file": "token"}

    def told(**given: object) -> list[str]:
        server = ServerSettings(**given)  # type: ignore[arg-type] # the test names the fields
        return [f"{one.severity}: {one.message}" for one in server.check(tmp_path)]

    assert told(client_ca="ca.pem") == [
        "error: client_ca takes TLS: give tls_cert and tls_key",
        'error: no file "ca.pem"',
    ]
    assert told(**own) == ['error: no file "token"']
    token.write_text("\n \n")
    token.chmod(0o600)
    assert told(**own) == ['error: "token" has no token']
    token.write_text("secret\n")
    assert told(**own) == []
    assert told(**own, listen="[::1]:1") == []
    beyond = "warning: without TLS the token can be read on its way: give tls_cert"
    assert told(**own, listen="10.0.0.1:1") == [beyond]
    token.chmod(0o644)
    assert told(**own) == ['warning: "token" can be read by every user of this machine']
