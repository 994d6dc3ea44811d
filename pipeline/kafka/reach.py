"""Whether a broker can be talked to, and why not: its own words, where aiokafka has lost them."""

from __future__ import annotations

import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

from pipeline.kafka.connection import Connection, address
from pipeline.kafka.errors import LOGIN, text


async def unreachable(connection: Connection) -> str:
    """Why the first broker cannot be talked to; "" when it can. It logs in anew.

    Raises BrokerError when a file of the login cannot be used.
    """
    first = connection.brokers[0]
    host, port = address(first)
    try:
        open_one = create_conn(host, port, request_timeout_ms=10_000, **connection.arguments())
        (await open_one).close()
    except LOGIN as error:
        return f"{first} refuses the login: {text(error)}"
    except ssl.SSLCertVerificationError as error:
        return f"{first} shows a certificate that is not accepted: {error.verify_message}"
    except (KafkaError, OSError) as error:
        hint = _hint(connection) if isinstance(error, KafkaConnectionError) else ""
        return f"no broker answers at {', '.join(connection.brokers)}: {text(error)}{hint}"
    return ""


async def reason(connection: Connection, error: KafkaError) -> str:
    """What an error says; of a connection that was not made, why that is."""
    is_connection = isinstance(error, KafkaConnectionError)
    return (await unreachable(connection) if is_connection else "") or text(error)


def _hint(connection: Connection) -> str:
    """What a listener may want that closes the connection without a word."""
    tls = connection.tls
    if tls is None or not tls.enable:
        return "; does this listener speak TLS?"
    return "" if tls.cert else "; does this listener want a certificate of the client (tls.cert)?"
