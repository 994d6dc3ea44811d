"""What several blocks of flowlogs-pipeline have: TLS, SASL, durations.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

Block = dict[str, Any]
"""A free-form block: its keys keep their case and its content is not checked."""

GoDuration = str | float
"""A Go duration text (`1h30m`) or nanoseconds."""


class ClientTls(Struct, frozen=True, rename="camel"):
    """The TLS settings of a client."""

    insecure_skip_verify: bool = False
    ca_cert_path: str = ""
    user_cert_path: str = ""
    user_key_path: str = ""


class Sasl(Struct, frozen=True):
    """SASL settings: `plain` or `scramSHA512`; files hold the identity and the secret."""

    type: str = ""
    client_id_path: str = field(name="clientIDPath", default="")
    client_secret_path: str = field(name="clientSecretPath", default="")
