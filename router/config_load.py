"""A configuration out of a file, and back into text.

Rules of this file
- Checks between keys of different sections live here; they read raw values, so that they speak although other keys
  are wrong.
- `load` is the only way in: what it returns is right in itself, and every secret it refers to could be read.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import PydanticCustomError

from router.config import ROLE_DEFAULTS, Config, is_loopback
from router.config_tools.accounts import account_faults
from router.config_tools.calendar_faults import calendar_faults
from router.config_tools.documents import DocumentKind
from sidecar import ConfigInvalid, Problem
from sidecar.config import (
    Document,
    Fault,
    Loc,
    build,
    entries,
    mapping,
    one_of,
    parse,
    read,
    reference_faults,
    repeated,
    scalar,
    secret_faults,
    shown,
    split_listen,
)
from sidecar.config import faults as sidecar_faults

MAIL_ACCOUNTS = ("router", "tools", "email", "accounts")


def defaults() -> Config:
    """What an empty file means."""
    return Config()


def load(path: Path, environ: Mapping[str, str] = os.environ, *, listen: str | None = None) -> Config:
    """The configuration in a file; `listen` overrides its own. Raises `ConfigInvalid` with every problem at once."""
    return _built(read(path), environ, listen)


def loads(text: str, environ: Mapping[str, str] = os.environ, *, file: str = "config.yaml") -> Config:
    """The configuration in a text. Raises `ConfigInvalid`, whose problems name `file`."""
    return _built(parse(text, file), environ, None)


def check(path: Path, environ: Mapping[str, str] = os.environ) -> tuple[Problem, ...]:
    """Everything that is wrong with a file, in the order of its lines; nothing when it can be used."""
    try:
        load(path, environ)
    except ConfigInvalid as error:
        return error.problems
    return ()


def dump(config: Config) -> str:
    """A file with this configuration, every key written out. There is no secret in it, only where they are."""
    return yaml.dump(
        config.model_dump(mode="json"), Dumper=_Dumper, allow_unicode=True, sort_keys=False, default_flow_style=False
    )


class _Dumper(yaml.SafeDumper):
    """Puts text in quotes that our reader, unlike PyYAML's, would take for something else, or that breaks a line."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """A plain text where that is safe."""
        style = None if scalar(data) == data and data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


def _built(document: Document, environ: Mapping[str, str], listen: str | None) -> Config:
    def check_all(values: Mapping[str, Any]) -> Iterable[Fault]:
        sidecar = mapping(values, "sidecar")
        yield from sidecar_faults(sidecar)
        yield from secret_faults(sidecar, environ)
        yield from _webhook_secret_faults(values, environ)
        yield from _server_secret_faults(values, environ)
        yield from _tracing_secret_faults(values, environ)
        yield from _role_faults(values)
        yield from _pool_faults(values)
        yield from _host_faults(values)
        yield from _document_faults(values, environ)
        yield from calendar_faults(values, _key_names(values), environ)
        yield from account_faults(MAIL_ACCOUNTS, mapping(values, *MAIL_ACCOUNTS), _key_names(values), environ)
        yield from repeated(mapping(values, "router", "decide").get("domains"), "name", ("router", "decide", "domains"))
        yield from repeated(_keys(values), "hash", ("router", "keys"))
        yield from _listen_faults(values)

    if listen is not None and document.values is not None:
        router = {**mapping(document.values, "router"), "listen": listen}
        document = replace(document, values={**document.values, "router": router})
    return build(Config, document, check_all)


def _backends(values: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return entries(mapping(values, "sidecar").get("backends"))


def _role_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """A role that a backend serves and nobody configured is a typo: it would never be asked."""
    roles = {**ROLE_DEFAULTS, **mapping(values, "router", "roles")}
    for index, backend in _backends(values):
        for role in mapping(backend, "models"):
            if role not in roles:
                loc: Loc = ("sidecar", "backends", index, "models", role)
                yield Fault(loc, "an unknown role", f"{one_of(role, roles)}, or this role under router.roles")


def _webhook_secret_faults(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Fault]:
    """The secret that webhooks are signed with can be read."""
    section = ("router", "jobs", "webhooks")
    yield from reference_faults((*section, "secret"), mapping(values, *section).get("secret"), environ)


def _tracing_secret_faults(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Fault]:
    """What the collector of traces is to get and nobody has."""
    headers = ("router", "tracing", "headers")
    for name, reference in mapping(values, *headers).items():
        yield from reference_faults((*headers, name), reference, environ)


def _pool_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """A pool is that of a role; another name would never be looked for."""
    roles = {**ROLE_DEFAULTS, **mapping(values, "router", "roles")}
    for pool in mapping(values, "router", "jobs", "pools"):
        if pool not in roles:
            loc: Loc = ("router", "jobs", "pools", pool)
            yield Fault(loc, "an unknown role", f"{one_of(pool, roles)}, or this role under router.roles")


def _server_secret_faults(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Fault]:
    """What a server of others is to get and nobody has."""
    servers = ("router", "tools", "mcp", "servers")
    for name, entry in mapping(values, *servers).items():
        for key in ("env", "headers"):
            for variable, reference in mapping(entry, key).items():
                yield from reference_faults((*servers, name, key, variable), reference, environ)


def _host_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """A host names backends of the list; one that was discovered gets a name by being listed."""
    known = [backend["name"] for _, backend in _backends(values) if isinstance(backend.get("name"), str)]
    hosts = ("router", "tools", "infra", "hosts")
    for host, entry in mapping(values, *hosts).items():
        named = mapping(entry).get("backends")
        for index, name in enumerate(named if isinstance(named, tuple) else ()):
            if isinstance(name, str) and name not in known:
                loc: Loc = (*hosts, host, "backends", index)
                yield Fault(loc, "an unknown backend", f"{one_of(name, known)}, or this name under sidecar.backends")
        docker = mapping(entry).get("docker")
        if mapping(entry).get("docker_tls") is not None and not str(docker).startswith("tcp://"):
            yield Fault(
                (*hosts, host, "docker_tls"), "certificates that nothing uses", "docker: tcp://HOST:PORT beside it"
            )


def _document_faults(values: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Fault]:
    """A server has an address and a key that can be read; roles that help are roles that there are."""
    loc = ("router", "tools", "document")
    document = mapping(values, *loc)
    if document.get("kind") == DocumentKind.REMOTE and document.get("url") is None:
        yield Fault((*loc, "kind"), "remote without a url", "router.tools.document.url, or kind: local")
    yield from reference_faults((*loc, "api_key"), document.get("api_key"), environ)
    roles = {**ROLE_DEFAULTS, **mapping(values, "router", "roles")}
    for option in ("answer_role", "rerank_role", "embed_role"):
        role = document.get(option)
        if isinstance(role, str) and role not in roles:
            yield Fault((*loc, option), "an unknown role", f"{one_of(role, roles)}, or this role under router.roles")


def _keys(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The keys in their long form."""
    keys = mapping(values, "router").get("keys")
    return tuple({"hash": key} if isinstance(key, str) else key for key in (keys if isinstance(keys, tuple) else ()))


def _key_names(values: Mapping[str, Any]) -> tuple[str, ...]:
    """What the keys are called; tools name them to say who sees what."""
    names = (key.get("name") for key in _keys(values) if isinstance(key, Mapping))
    return tuple(name for name in names if isinstance(name, str))


def _listen_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Who can be reached from other machines must know who asks."""
    listen = mapping(values, "router").get("listen")
    if not isinstance(listen, str) or _keys(values):
        return
    try:
        host, port = split_listen(listen)
    except PydanticCustomError:
        return  # said by the model already
    if not is_loopback(host):
        wanted = f"127.0.0.1:{port}, or a hash under router.keys (maek key new makes one)"
        yield Fault(("router", "listen"), f"{shown(listen)}, which other machines can reach, without keys", wanted)
