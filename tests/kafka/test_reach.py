"""Why a broker cannot be talked to, as a real one refuses it: certificates, and listeners of TLS.

What was told was an error of the client: "Unable to bootstrap from [...]".
"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from pipeline.dead_letters.reader import DlqReader
from pipeline.kafka.connection import BrokerError, Connection, Tls
from pipeline.kafka.producer import Producer
from pipeline.kafka.reach import unreachable
from tests.kafka.support.counting import NewKafka, counting
from tests.kafka.support.workers import wait
from tests.real.listeners import Security, tls
from tests.support.certificates import Authority


def shown(folder: Path, authority: Authority, *, days: int = 1, ask: bool = False) -> Security:
    """A listener with a certificate of the authority that holds for so many days."""
    cert, key = authority.issue("broker", days)
    command = ["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", str(key)]
    packed = subprocess.run(command, check=True, capture_output=True).stdout
    pem, ca = folder / "broker.pem", authority.certificate.read_bytes()
    pem.write_bytes(packed + cert.read_bytes() + ca)
    pem.with_suffix(".crt").write_bytes(ca)
    return tls(pem, ask=ask)


async def published(to: Connection) -> None:
    await Producer(to, patience=0.0).start()


async def read(to: Connection) -> None:
    async for _ in DlqReader(to, "letters").read():
        pass


def test_a_certificate_that_has_ended(new_kafka: NewKafka, tmp_path: Path) -> None:
    """Of a worker, of what is published and of dead letters."""
    authority = Authority(tmp_path / "ca")
    broker = new_kafka(shown(tmp_path, authority, days=-1))
    said = f"{broker.secure} shows a certificate that is not accepted: certificate has expired"
    own = Tls(ca=str(authority.certificate))
    to = Connection(brokers=(broker.secure,), tls=own)
    assert asyncio.run(unreachable(to)) == said
    for told in (published(to), read(to)):
        with pytest.raises(BrokerError) as caught:
            asyncio.run(told)
        assert str(caught.value).endswith(said)
    worker = counting(tmp_path / "w", broker.secure, ["t"], tls={"ca": own.ca})
    worker.start(ready=False)
    try:
        wait(lambda: worker.get("/readyz") == (503, {"status": "not ready", "reason": said}))
    finally:
        assert worker.exit() == 0


def test_a_certificate_of_nobody_known(new_kafka: NewKafka, tmp_path: Path) -> None:
    broker = new_kafka(shown(tmp_path, Authority(tmp_path / "ca")))
    other = Authority(tmp_path / "other")
    to = Connection(brokers=(broker.secure,), tls=Tls(ca=str(other.certificate)))
    said = f"{broker.secure} shows a certificate that is not accepted: "
    assert asyncio.run(unreachable(to)).startswith(said)


def test_what_a_listener_wants_that_closes_the_connection(
    new_kafka: NewKafka, tmp_path: Path
) -> None:
    """TLS, or a certificate of the client, of which it says nothing."""
    authority = Authority(tmp_path / "ca")
    broker = new_kafka(shown(tmp_path, authority, ask=True))
    plain = asyncio.run(unreachable(Connection(brokers=(broker.secure,))))
    assert plain.startswith(f"no broker answers at {broker.secure}: ")
    assert plain.endswith("; does this listener speak TLS?")
    own = Tls(ca=str(authority.certificate))
    without = asyncio.run(unreachable(Connection(brokers=(broker.secure,), tls=own)))
    assert without.endswith("; does this listener want a certificate of the client (tls.cert)?")
