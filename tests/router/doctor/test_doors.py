"""Whose names and certificates are looked at."""

from typing import Any

import orjson

from router.config import Config
from router.config_load import loads
from router.doctor.doors import names, tls_doors, webhook_doors
from router.keys import new_key


def config_of(**router: Any) -> Config:
    """A configuration with these."""
    return loads(orjson.dumps({"router": router}).decode(), environ={"SECRET": "s"})  # JSON is YAML


KEYS = [{"name": name, "hash": new_key()[1]} for name in ("kim", "lee", "cho")]


def account(name: str) -> dict[str, Any]:
    """What every account needs."""
    return {"username": name, "password": "env:SECRET", "keys": [name]}


EVERYTHING = config_of(
    keys=KEYS,
    tools={
        "calendar": {
            "kind": "caldav",
            "accounts": {"kim": {"url": "https://dav.example:8443/kim", "ca_file": "/etc/dav.pem", **account("kim")}},
        },
        "email": {
            "accounts": {
                "kim": {"host": "imap.example", **account("kim")},
                "lee": {"host": "own.example", "port": 1993, "ca_file": "/etc/own.pem", **account("lee")},
                "cho": {"host": "old.example", "security": "starttls", **account("cho")},
            }
        },
        "document": {"kind": "remote", "url": "https://documents.example"},
        "mcp": {"servers": {"web": {"url": "https://mcp.example/mcp"}, "child": {"command": "/bin/true"}}},
        "infra": {
            "hosts": {"nas": {"address": "nas.example", "node_exporter": "https://nas.example:9100"}},
            "services": {"door": {"url": "http://door.example:81"}},
        },
    },
    tracing={"endpoint": "https://traces.example:4318"},
    jobs={"webhooks": {"allow": ["https://hooks.example/maek", "http://hooks.example/old"], "secret": "env:SECRET"}},
)
BACKENDS = ["https://gpu.example", "http://localhost:11434", "http://mini.example:8000"]


def test_every_door_with_tls_is_looked_at_with_the_certificates_that_are_trusted_there() -> None:
    assert tls_doors(EVERYTHING, BACKENDS) == {
        ("gpu.example", 443): None,
        ("dav.example", 8443): "/etc/dav.pem",
        ("mcp.example", 443): None,
        ("nas.example", 9100): None,
        ("documents.example", 443): None,
        ("traces.example", 4318): None,
        ("hooks.example", 443): None,
        ("imap.example", 993): None,
        ("own.example", 1993): "/etc/own.pem",
    }


def test_every_host_is_looked_up_once_but_this_one() -> None:
    assert names(EVERYTHING, BACKENDS) == [
        "gpu.example", "mini.example", "dav.example", "mcp.example", "door.example", "nas.example",
        "documents.example", "traces.example", "hooks.example", "imap.example", "own.example", "old.example",
    ]  # fmt: skip


def test_webhooks_go_to_the_ports_that_they_name_or_mean() -> None:
    assert webhook_doors(EVERYTHING) == [("hooks.example", 443), ("hooks.example", 80)]


def test_where_nothing_is_configured_nobody_is_asked() -> None:
    assert (names(config_of(), []), tls_doors(config_of(), []), webhook_doors(config_of())) == ([], {}, [])
