"""Asking Docker: one question, every fault a `Trouble`, and nothing that could change anything."""

import ast
import asyncio
import socket
from pathlib import Path

import orjson
import pytest

from router.tools.hosts.containers import MOST_CONTAINERS
from router.tools.hosts.docker import QUESTION, read_containers
from router.tools.hosts.doors import Certificates, Door, SshDoor, TcpDoor, UnixDoor, base_url, door_of
from router.tools.hosts.ssh import FAR_COMMAND, body_of, command_of
from router.tools.hosts.trouble import Trouble, Why
from tests.fakes.waiting import until
from tests.router.tools.hosts.given import answer, saying

ROOT = Path(__file__).resolve().parents[4]
ONE = orjson.dumps([{"Names": ["/ollama"], "Image": "ollama/ollama", "State": "running", "Status": "Up 2 hours"}])


async def why(door: Door, seconds: float = 5.0) -> Why:
    with pytest.raises(Trouble) as caught:
        await read_containers(door, seconds)
    return caught.value.why


def script(folder: Path, lines: str) -> None:
    """An `ssh` of our own."""
    (folder / "ssh").write_text(f"#!/bin/sh\n{lines}\n")
    (folder / "ssh").chmod(0o755)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder before all others on the path."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


async def test_the_one_question_is_a_get_over_every_door(tmp_path: Path, ssh: Path) -> None:
    async with saying(answer(ONE)) as port, saying(answer(ONE), socket=tmp_path / "d.sock") as unix:
        words = f"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n{ONE.decode()}"
        script(ssh, f"head -n 4 > {ssh}/asked; printf '{words}'")
        for door in (TcpDoor("127.0.0.1", port.port), UnixDoor(unix.path), SshDoor("gpu")):
            assert [one.name for one in (await read_containers(door)).listed] == ["ollama"]
    heads = [*port.heads, *unix.heads, (ssh / "asked").read_text()]
    assert [head.split("\n")[0].strip() for head in heads] == [f"GET {QUESTION} HTTP/1.1"] * 3
    assert "attach" not in QUESTION


def test_no_code_near_the_machines_can_do_anything_but_get() -> None:
    """Whatever is called on a session anywhere in the package, it is `get`; and bytes of a request are written once."""
    verbs = {"post", "put", "patch", "delete", "options", "head", "request", "ws_connect", "get"}
    called, written = [], []
    for path in sorted((ROOT / "router/tools/hosts").glob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in verbs:
                owner = ast.unparse(node.func.value)
                if "session" in owner.lower():
                    called.append((path.name, node.func.attr))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "write":
                written.append((path.name, ast.unparse(node.args[0])[:8]))
    assert called == [("asking.py", "get")]
    assert written == [("ssh.py", "f'GET {p")]


BAD = {
    "no_json": (answer(b"<html>"), {}, Why.UNREADABLE),
    "no_list": (answer(b"{}"), {}, Why.UNREADABLE),
    "no_containers": (answer(b'[{"a": 1}]'), {}, Why.UNREADABLE),
    "deep": (answer(b"[" * 100_000), {}, Why.UNREADABLE),
    "no_http": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", {}, Why.UNREADABLE),
    "refusal": (answer(b"no", "403 Forbidden"), {}, Why.STATUS),
    "redirect": (answer(b"", "302 Found", "Location: http://169.254.169.254/"), {}, Why.STATUS),
    "compressed": (answer(ONE, "200 OK", "Content-Encoding: gzip"), {}, Why.UNREADABLE),
    "nothing": (b"", {}, Why.CUT),
    "half": (answer(ONE)[:-20], {}, Why.CUT),
    "silence": (b"", {"hangs": True}, Why.SLOW),
    "stopped": (answer(ONE)[:-20], {"hangs": True}, Why.SLOW),
    "endless": (b"HTTP/1.1 200 OK\r\n\r\n[", {"endless": True}, Why.HUGE),
}


@pytest.mark.parametrize(("words", "kind", "expected"), BAD.values(), ids=BAD)
async def test_a_bad_answer_is_named(words: bytes, kind: dict[str, bool], expected: Why) -> None:
    async with saying(words, **kind) as server:
        assert await why(TcpDoor("127.0.0.1", server.port), 0.3 if expected is Why.SLOW else 5.0) is expected
        assert len(server.heads) <= 2  # aiohttp asks once more where a connection was closed without a word


async def test_nobody_there_is_named(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert await why(TcpDoor("127.0.0.1", unused.getsockname()[1])) is Why.REFUSED
    assert await why(TcpDoor("no-such-host.invalid", 2375)) is Why.NO_NAME
    assert await why(UnixDoor(str(tmp_path / "none.sock"))) is Why.NO_SOCKET
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "old.sock"))
    assert await why(UnixDoor(str(tmp_path / "old.sock"))) is Why.REFUSED


async def test_a_certificate_file_that_is_missing_or_none_is_named(tmp_path: Path) -> None:
    nonsense = tmp_path / "ca.pem"
    nonsense.write_text("nonsense")
    for ca, named in ((tmp_path / "gone.pem", "gone.pem: No such file or directory"), (nonsense, "ca.pem")):
        with pytest.raises(Trouble) as caught:
            await read_containers(TcpDoor("127.0.0.1", 1, Certificates(ca, nonsense, nonsense)))
        assert (caught.value.why, caught.value.detail.endswith(named)) == (Why.FILES, True)


SSH = {
    "refused": ("echo 'motd' >&2; echo 'me@gpu: Permission denied (publickey).' >&2; exit 255", Why.SSH),
    "no_docker": ("echo 'sh: 1: docker: not found' >&2; exit 127", Why.SSH),
    "silent_end": ("exit 255", Why.SSH),
    "hangs": ("exec sleep 600", Why.SLOW),
    "garbage": ("echo Welcome; exit 0", Why.UNREADABLE),
    "half": ("printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 50\\r\\n\\r\\n[]'", Why.CUT),
    "refusal": ("printf 'HTTP/1.1 400 Bad Request\\r\\nContent-Length: 0\\r\\n\\r\\n'", Why.STATUS),
    "endless": ("printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; exec cat /dev/zero", Why.HUGE),
    "endless_complaint": ("exec cat /dev/zero >&2", Why.SLOW),
}


@pytest.mark.parametrize(("lines", "expected"), SSH.values(), ids=SSH)
async def test_what_ssh_does_wrong_is_named_and_it_is_gone_afterwards(ssh: Path, lines: str, expected: Why) -> None:
    script(ssh, f"echo $$ > {ssh}/pid; {lines}")
    assert await why(SshDoor("gpu"), 1.0 if expected is Why.SLOW else 10.0) is expected
    assert not Path(f"/proc/{(ssh / 'pid').read_text().strip()}").exists()


async def test_the_last_line_of_ssh_is_told_and_cannot_move_the_cursor(ssh: Path) -> None:
    script(ssh, "printf 'a\\nPermission \\033[2Jdenied\\n\\n' >&2; exit 255")
    with pytest.raises(Trouble) as caught:
        await read_containers(SshDoor("gpu"))
    assert caught.value.detail == "Permission ?[2Jdenied"


async def test_without_ssh_that_is_what_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await why(SshDoor("gpu")) is Why.NO_SSH


async def test_an_ssh_that_may_not_be_run_is_a_trouble_too(ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(ssh, "true")
    (ssh / "ssh").chmod(0o644)
    monkeypatch.setenv("PATH", str(ssh))
    assert await why(SshDoor("gpu")) is Why.SSH


async def test_a_caller_that_leaves_takes_ssh_with_him(ssh: Path) -> None:
    script(ssh, f"echo $$ > {ssh}/new; mv {ssh}/new {ssh}/pid; exec sleep 600")
    asking = asyncio.ensure_future(read_containers(SshDoor("gpu")))
    await until((ssh / "pid").exists)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not Path(f"/proc/{(ssh / 'pid').read_text().strip()}").exists()


def test_ssh_never_asks_and_no_name_is_an_option() -> None:
    words = command_of(SshDoor("gpu", 2222, "me"))
    assert words[0] == "ssh"
    assert "-oBatchMode=yes" in words
    assert words[-7:] == ("-p", "2222", "-l", "me", "--", "gpu", FAR_COMMAND)
    assert command_of(SshDoor("gpu"))[-3:] == ("--", "gpu", "docker system dial-stdio")


def test_a_chunked_answer_is_read_whole() -> None:
    assert body_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n", 10) == b"[]"
    with pytest.raises(Trouble):
        body_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[", 10)
    with pytest.raises(Trouble):
        body_of(answer(b"x" * 11), 10)


def test_doors_of_addresses() -> None:
    files = Certificates(Path("a"), Path("b"), Path("c"))
    assert door_of("unix:///run/docker.sock") == UnixDoor("/run/docker.sock")
    assert door_of("tcp://nas:2376", files) == TcpDoor("nas", 2376, files)
    assert door_of("tcp://[fd7a::1]:2375") == TcpDoor("fd7a::1", 2375)
    assert door_of("ssh://me@nas:22") == SshDoor("nas", 22, "me")
    assert door_of("ssh://nas") == SshDoor("nas")
    assert base_url(TcpDoor("fd7a::1", 2375)) == "http://[fd7a::1]:2375"
    assert base_url(TcpDoor("nas", 2376, files)) == "https://nas:2376"


async def test_a_thousand_containers_are_counted_and_not_all_are_told() -> None:
    rows = [{"Names": [f"/c{n}"], "State": "exited", "Status": "Exited (0) 1 hour ago"} for n in range(1000)]
    async with saying(answer(orjson.dumps(rows))) as server:
        found = await read_containers(TcpDoor("127.0.0.1", server.port))
    assert (found.total, len(found.listed), found.running) == (1000, MOST_CONTAINERS, 0)
