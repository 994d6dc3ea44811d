"""Calls of gRPC over TLS, with certificates of both."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from pipeline.kafka.connection import Tls
from pipeline.push.destination import RejectedError, UnavailableError
from pipeline.push.grpc_client import Client
from tests.support.certificates import Authority

METHOD = "/some.Service/Method"


class Service(grpc.GenericRpcHandler):
    """Answers with what it was sent; "no" is not permitted."""

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        return grpc.unary_unary_rpc_method_handler(self.answer) if call.method == METHOD else None

    def answer(self, asked: bytes, context: grpc.ServicerContext) -> bytes:
        if asked == b"no":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you\x1b[2J")
        return asked


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture(scope="module")
def address(authority: Authority) -> Iterator[str]:
    """A server that wants a certificate of its clients."""
    cert, key = (path.read_bytes() for path in authority.issue("server"))
    root = authority.certificate.read_bytes()
    credentials = grpc.ssl_server_credentials([(key, cert)], root, require_client_auth=True)
    server = grpc.server(ThreadPoolExecutor(2), handlers=[Service()])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def client(address: str, tls: Tls) -> Client:
    return Client(address, METHOD, tls=tls, folder=Path(), timeout=60, headers={})


def test_a_certificate_that_has_ended_is_named(address: str, authority: Authority) -> None:
    """The server ends the connection; what was said of that named neither file nor date."""
    cert, key = map(str, authority.issue("late", days=-1))
    tls = Tls(ca=str(authority.certificate), cert=cert, key=key)
    with pytest.raises(UnavailableError, match=rf"cannot use {cert}: the certificate ended on"):
        client(address, tls)


def test_certificates_of_both(address: str, authority: Authority) -> None:
    cert, key = map(str, authority.issue("client"))
    tls = Tls(ca=str(authority.certificate), cert=cert, key=key)
    way = client(address, tls)
    assert way.post(b"yes") == b"yes"
    with pytest.raises(RejectedError, match="PERMISSION_DENIED not you") as error:
        way.post(b"no")
    assert "\x1b" not in str(error.value)
    way.close()


def test_certificates_that_do_not_fit(address: str, authority: Authority, tmp_path: Path) -> None:
    """Worth another attempt: they are renewed while a worker runs."""
    other = Authority(tmp_path / "other")
    for tls in (Tls(ca=str(authority.certificate)), Tls(ca=str(other.certificate))):
        way = client(address, tls)
        with pytest.raises(UnavailableError):
            way.post(b"yes")
        way.close()
