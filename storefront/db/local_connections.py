"""Connections to a MariaDB on the same machine go without TLS, whichever engine makes them.

PyMySQL 1.2 offers TLS for every connection and for that reads the certificates of all authorities, which it does not
compare: 50 ms of processor, 200 times what the connection itself takes. An address that asks for TLS keeps it.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from sqlalchemy import Dialect, event
from sqlalchemy.engine import Engine


@event.listens_for(Engine, "do_connect")
def _connect_without_tls(dialect: Dialect, record: Any, arguments: Any, options: dict[str, Any]) -> None:
    if dialect.driver == "pymysql" and _is_local(options) and not any(name.startswith("ssl") for name in options):
        options["ssl_disabled"] = True


def _is_local(options: dict[str, Any]) -> bool:
    host = options.get("host", "localhost")
    if "unix_socket" in options or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
