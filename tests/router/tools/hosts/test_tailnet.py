"""The tailnet. The status is written after Tailscale's sources and `tailscale status --json` of others, not recorded:
a real one needs an account.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.tools.hosts.tailnet import MOST_PEERS, Peer, Tailnet, read, read_tailnet, socket_of
from router.tools.hosts.trouble import Trouble, Why
from router.tools.hosts.words import tailnet_lines
from tests.router.tools.given import NOW
from tests.router.tools.hosts.given import answer, saying

STATUS = (Path(__file__).resolve().parents[3] / "data" / "infra" / "tailscale_status.json").read_bytes()


def of_peers(**peers: Any) -> Tailnet:
    return read(orjson.dumps({"BackendState": "Running", "Peer": peers}))


def test_peers_are_told_with_the_way_to_them_where_somebody_talks_to_them() -> None:
    found = read(STATUS)
    assert (found.running, found.total, found.online) == (True, 4, 3)
    assert found.peers == (
        Peer("gpu-server", ("100.101.1.2", "fd7a:115c:a1e0::2"), True, None, True, ""),
        Peer("mini", ("100.101.1.5",), True, None, None, ""),
        Peer("phone", ("100.101.1.3",), True, None, False, "sin"),
        Peer("nas", ("100.101.1.4",), False, datetime(2026, 11, 24, 22, 0, 0, 123456, UTC), None, ""),
    )


def test_peers_in_words() -> None:
    assert tailnet_lines("ko", read(STATUS), NOW) == [
        "Tailscale: 연결됨, 다른 장비 4대 중 3대 온라인",
        "gpu-server (100.101.1.2): 온라인, 직접 연결",
        "mini (100.101.1.5): 온라인",
        "phone (100.101.1.3): 온라인, sin 중계",
        "nas (100.101.1.4): 오프라인, 2시간 전 마지막 접속",
    ]
    assert tailnet_lines("en", read(STATUS), NOW)[-2:] == [
        "phone (100.101.1.3): online, relayed by sin",
        "nas (100.101.1.4): offline, last seen 2 h ago",
    ]


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ("2026-11-25T00:45:30Z", ", last seen 14 min ago"),
        ("2026-11-20T01:00:00+00:00", ", last seen 5 days ago"),
        ("2027-01-01T00:00:00Z", ", last seen 0 min ago"),
        ("0001-01-01T00:00:00Z", ""),
        ("2026-11-20", ""),
        ("yesterday", ""),
        (7, ""),
    ],
)
def test_when_a_peer_was_last_seen(seen: Any, told: str) -> None:
    assert tailnet_lines("en", of_peers(a={"HostName": "nas", "LastSeen": seen}), NOW)[1] == f"nas: offline{told}"


def test_one_that_takes_no_part_says_how_to() -> None:
    (line,) = tailnet_lines("ko", read(b'{"BackendState": "NeedsLogin", "Peer": null}'), NOW)
    assert line == "Tailscale: 연결 안 됨 (NeedsLogin). `tailscale up`으로 연결할 수 있어요."


def test_hostile_peers_are_plain_and_many_are_counted() -> None:
    found = of_peers(a={"HostName": "\x1b]0;x\x07\nnas: 온라인", "TailscaleIPs": [7] * 99, "Online": "yes"}, b=7, c={})
    assert [peer.name for peer in found.peers] == ["?", "?]0;x??nas: 온라인"]
    assert found.online == 0
    many = of_peers(**{str(n): {"HostName": f"n{n}", "Online": True} for n in range(1000)})
    assert (many.total, len(many.peers)) == (1000, MOST_PEERS)
    assert tailnet_lines("en", many, NOW)[-1] == "and 970 more"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"BackendState": 7}', b"no"])
def test_what_is_no_status_is_unreadable(body: bytes) -> None:
    with pytest.raises(Trouble) as caught:
        read(body)
    assert caught.value.why is Why.UNREADABLE


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("HostName", "DNSName", "TailscaleIPs", "CurAddr", "Relay", "PeerRelay", "LastSeen", "Online", "Active")


@given(st.dictionaries(st.text(max_size=3), st.dictionaries(st.sampled_from(FIELDS), json_values), max_size=3))
def test_no_peer_breaks_the_reader(peers: dict[str, Any]) -> None:
    found = read(orjson.dumps({"BackendState": "Running", "Peer": peers}))
    assert all(line.isprintable() for line in tailnet_lines("ko", found, NOW))


async def test_the_local_socket_is_asked_with_one_get(tmp_path: Path) -> None:
    async with saying(answer(STATUS), socket=tmp_path / "ts.sock") as tailscaled:
        assert (await read_tailnet(tailscaled.path)).online == 3
    (head,) = tailscaled.heads
    assert head.startswith("GET /localapi/v0/status HTTP/1.1\r\nHost: local-tailscaled.sock\r\n")


async def test_a_socket_that_may_not_be_used_or_hangs_is_named(tmp_path: Path) -> None:
    async with saying(answer(b"denied", "403 Forbidden"), socket=tmp_path / "a.sock") as refusing:
        with pytest.raises(Trouble) as caught:
            await read_tailnet(refusing.path)
        assert (caught.value.why, caught.value.detail) == (Why.STATUS, "403")
    async with saying(b"", hangs=True, socket=tmp_path / "b.sock") as hanging:
        with pytest.raises(Trouble) as caught:
            await read_tailnet(hanging.path, seconds=0.2)
        assert caught.value.why is Why.SLOW


def test_the_usual_socket_is_taken_where_it_is_there(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    assert socket_of(None, (str(tmp_path / "not"), str(there))) == str(there)
    assert socket_of(None, (str(tmp_path / "not"),)) is None
    assert socket_of("/told", ()) == "/told"
