"""The tailnet, as the Tailscale of this machine knows it.

Rules of this file
- Asked through tailscaled's local socket; one GET, nothing leaves the machine. `read` is pure.
- "Online" is Tailscale's word: the peer is in touch with the coordination server. Whether a way is direct or over a
  relay is only told of peers that are talked to right now; of the others nobody knows.

Shape: ipn/ipnstate/ipnstate.go in Tailscale's sources (the same as `tailscale status --json`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
import orjson

from router.tools.hosts.asking import asked
from router.tools.hosts.plain import plain
from router.tools.hosts.trouble import Trouble, Why

USUAL_SOCKETS = ("/run/tailscale/tailscaled.sock", "/var/run/tailscale/tailscaled.sock", "/var/run/tailscaled.socket")
"""Linux, FreeBSD, and tailscaled on a Mac. Tailscale's app for the Mac has none."""
URL = "http://local-tailscaled.sock/localapi/v0/status"
MOST_BYTES = 8 * 1024 * 1024
"""A peer takes about 1 KB: a tailnet of thousands fits."""
SECONDS = 4.0
MOST_PEERS = 100
"""That are told of by name; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another machine of the tailnet."""

    name: str
    addresses: tuple[str, ...]
    online: bool
    last_seen: datetime | None
    """When the coordination server last heard of one that is not online."""
    direct: bool | None
    """None: nobody talks to it now."""
    relay: str
    """Where it is relayed, if it is: a code such as `tok`."""


@dataclass(frozen=True, slots=True)
class Tailnet:
    """What Tailscale tells. The online peers first."""

    state: str
    """Its own word: Running, NeedsLogin, Stopped …"""
    peers: tuple[Peer, ...]
    total: int
    online: int

    @property
    def running(self) -> bool:
        """Whether this machine takes part."""
        return self.state == "Running"


def socket_of(told: str | None, usual: tuple[str, ...] = USUAL_SOCKETS) -> str | None:
    """The socket's path; None where there is no Tailscale and nobody says that there is."""
    return told or next((path for path in usual if Path(path).exists()), None)


async def read_tailnet(socket: str, seconds: float = SECONDS) -> Tailnet:
    """The tailnet as it is now. Raises Trouble."""
    return read(await asked(URL, aiohttp.UnixConnector(socket), most_bytes=MOST_BYTES, seconds=seconds))


def read(body: bytes) -> Tailnet:
    """The tailnet of an answer. Raises Trouble."""
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Trouble(Why.UNREADABLE) from error
    if not isinstance(status, dict) or not isinstance(status.get("BackendState"), str):
        raise Trouble(Why.UNREADABLE)
    rows = status.get("Peer")
    rows = list(rows.values()) if isinstance(rows, dict) else []
    peers = sorted((_peer(row) for row in rows if isinstance(row, dict)), key=lambda peer: (not peer.online, peer.name))
    return Tailnet(
        plain(status["BackendState"], 30), tuple(peers[:MOST_PEERS]), len(peers), sum(peer.online for peer in peers)
    )


def _peer(row: Mapping[str, object]) -> Peer:
    # The first part of the name in DNS is unique and what people type; the host's own name may be "localhost".
    dns = plain(row.get("DNSName")).partition(".")[0]
    addresses = row.get("TailscaleIPs")
    active, online = row.get("Active") is True, row.get("Online") is True
    direct = bool(plain(row.get("CurAddr")))
    relay = plain(row.get("PeerRelay")) or plain(row.get("Relay"), 20)
    return Peer(
        name=dns or plain(row.get("HostName")) or "?",
        addresses=tuple(plain(one, 45) for one in addresses[:4]) if isinstance(addresses, list) else (),
        online=online,
        last_seen=None if online else _moment(row.get("LastSeen")),
        direct=direct if active and online and (direct or relay) else None,
        relay=relay if active and online and not direct else "",
    )


def _moment(value: object) -> datetime | None:
    """A moment of Go's; its zero, the year 1, is none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None and moment.year > 2000 else None
