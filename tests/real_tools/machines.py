"""Real machines' servers for the tests of `infra`, on loopback: Podman's Docker API, node_exporter, sshd.

Rules of this file
- Everything lives in a folder of its own and is gone at the end; nothing of the machine's configuration is touched.
- Podman 4 speaks no TLS, so a relay made here stands before it and demands certificates; what answers is Podman.

Needed, as root: `apt-get install podman runc prometheus-node-exporter openssh-server openssl gcc libc6-dev`. Without
them tests are skipped, but on CI they fail: there they are wanted.
"""

import asyncio
import os
import shutil
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from router.tools.hosts.doors import Certificates
from tests.real.servers import free_port

PACKAGES = {
    "podman": "podman runc",
    "runc": "podman runc",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "openssl": "openssl",
    "gcc": "gcc libc6-dev",
}
START_SECONDS = 30.0
POLL_SECONDS = 0.05
IMAGE = "localhost/tiny:1"
TINY_PROGRAM = """
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) { if (count > 1) return atoi(words[1]); pause(); return 0; }
"""
"""Stays until it is killed, or ends with the code that it is told."""
LIMITS = 'default_ulimits = ["nofile=512:512", "nproc=512:512"]'
"""Podman's own are higher than a container within a container may have."""


def command(name: str) -> str:
    """The path of a program; skips the test that asks if it is not there, or fails it on CI."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is not None and os.geteuid() == 0:
        return path
    reason = f"as root: apt-get install {PACKAGES[name]}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder with a short name: the path of a socket has 107 characters at most."""
    place = Path(tempfile.mkdtemp(prefix="maek-"))
    try:
        yield place
    finally:
        # What cleans up after a container is a process of its own, and may still be writing.
        end = time.monotonic() + START_SECONDS
        while place.exists() and time.monotonic() < end:
            shutil.rmtree(place, ignore_errors=True)
            time.sleep(POLL_SECONDS)
    assert not place.exists()


async def run(*words: str, env: Mapping[str, str] | None = None) -> str:
    """What a command prints; raises with what it complained of if it fails."""
    process = await asyncio.create_subprocess_exec(
        *words, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, complaint = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{words[:4]} failed: {complaint.decode()[-1000:]}")
    return out.decode()


@asynccontextmanager
async def serving(
    *words: str, log: Path, ready: Callable[[], bool], env: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """A server for as long as the context lasts, from when `ready` says so."""
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(*words, env=env, stdout=out, stderr=out)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not ready():
                if process.returncode is not None:
                    raise RuntimeError(f"{words[0]} ended: {log.read_text(errors='replace')[-1000:]}")
                await asyncio.sleep(POLL_SECONDS)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def listens(port: int) -> Callable[[], bool]:
    """Whether somebody listens on a port of this machine, as the kernel knows it: nobody is disturbed by a look."""
    wanted = f":{port:04X}"

    def look() -> bool:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(row[1].endswith(wanted) and row[3] == "0A" for row in rows)

    return look


@dataclass(frozen=True)
class Podman:
    """Podman's service: Docker's API on a socket. `env` is for commands to the same Podman."""

    socket: Path
    env: Mapping[str, str]

    async def __call__(self, *words: str) -> str:
        """A command of Podman's."""
        return await run("podman", *words, env=self.env)


@asynccontextmanager
async def podman(place: Path) -> AsyncIterator[Podman]:
    """A Podman with three containers: `ollama` runs, `broken` has ended with code 3, `later` was never started."""
    program = command("podman")
    command("runc")
    socket = place / "docker.sock"
    (place / "containers.conf").write_text(
        f'[containers]\n{LIMITS}\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    )
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{place}/run"\ngraphroot = "{place}/graph"\n'
    )
    env = {
        **os.environ,
        "CONTAINERS_CONF": str(place / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
    }
    service = (program, "system", "service", "--time=0", f"unix://{socket}")
    async with serving(*service, log=place / "podman.log", ready=socket.exists, env=env):
        one = Podman(socket, env)
        try:
            await one("import", "-q", str(await _image(place)), IMAGE)
            await one("run", "-d", "--network=none", "--name=ollama", IMAGE, "/tiny")
            with pytest.raises(RuntimeError, match="failed"):
                await one("run", "--network=none", "--name=broken", IMAGE, "/tiny", "3")
            await one("create", "--network=none", "--name=later", IMAGE, "/tiny")
            yield one
        finally:
            await one("rm", "-af", "-t", "0")


async def _image(place: Path) -> Path:
    """An image of one static program: nothing is downloaded."""
    (place / "tiny.c").write_text(TINY_PROGRAM)
    await run(command("gcc"), "-static", "-O1", "-o", str(place / "tiny"), str(place / "tiny.c"))
    await run("tar", "-C", str(place), "-cf", str(place / "image.tar"), "tiny")
    return place / "image.tar"


async def certificates(place: Path, name: str) -> Certificates:
    """An authority of that name and one certificate of it, for 127.0.0.1 and for a client alike."""
    openssl = command("openssl")
    ca, ca_key = place / f"{name}-ca.pem", place / f"{name}-ca-key.pem"
    cert, key, request = place / f"{name}.pem", place / f"{name}-key.pem", place / f"{name}.csr"
    extensions = place / f"{name}.ext"
    extensions.write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    new = (openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    await run(*new, "-x509", "-days", "2", "-subj", f"/CN={name} CA", "-keyout", str(ca_key), "-out", str(ca))
    await run(*new, "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request))
    signed = ("-CA", str(ca), "-CAkey", str(ca_key), "-CAcreateserial", "-extfile", str(extensions))
    await run(openssl, "x509", "-req", "-days", "2", "-in", str(request), *signed, "-out", str(cert))
    return Certificates(ca, cert, key)


@asynccontextmanager
async def relay(socket: Path, tls: Certificates | None) -> AsyncIterator[int]:
    """A port before a socket; with certificates, whoever comes must show one of the same authority."""
    context = None
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.ca)
        context.load_cert_chain(tls.cert, tls.key)
        context.verify_mode = ssl.CERT_REQUIRED

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(_poured(reader, far_writer), _poured(far_reader, writer))

    server = await asyncio.start_server(joined, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def _poured(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(65_536):
            sink.write(chunk)
            await sink.drain()
    except OSError:
        pass  # one side has left; the other is told by the close
    finally:
        sink.close()


@dataclass(frozen=True)
class Sshd:
    """An sshd. `bin` has an `ssh` that reads the configuration of this test alone and is otherwise the real one."""

    port: int
    bin: Path
    known_hosts: Path
    authorized_keys: Path


@asynccontextmanager
async def sshd(place: Path, podman: Podman) -> AsyncIterator[Sshd]:
    """An sshd behind which `docker system dial-stdio` is Podman's command of that name."""
    program, ssh, port = command("sshd"), command("ssh"), free_port()
    Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in; the package makes it at boot
    for name in ("host_key", "user_key"):
        await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / name))
    far, near = place / "far", place / "near"
    far.mkdir()
    near.mkdir()
    remote = f"{command('podman')} --remote --url unix://{podman.socket}"
    _script(far / "docker", f'exec {remote} "$@"')
    made = Sshd(port, near, place / "known_hosts", place / "authorized_keys")
    made.known_hosts.write_text(f"[127.0.0.1]:{port} {(place / 'host_key.pub').read_text()}")
    made.authorized_keys.write_text((place / "user_key.pub").read_text())
    (place / "ssh_config").write_text(
        f"IdentityFile {place}/user_key\nIdentitiesOnly yes\nUserKnownHostsFile {made.known_hosts}\n"
        "GlobalKnownHostsFile /dev/null\n"
    )
    _script(near / "ssh", f'exec {ssh} -F {place}/ssh_config "$@"')
    (place / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host_key\nAuthorizedKeysFile {made.authorized_keys}\n"
        f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM no\nPidFile none\n"
        f"SetEnv PATH={far}:/usr/bin:/bin\n"
    )
    async with serving(
        program, "-D", "-e", "-f", str(place / "sshd_config"), log=place / "sshd.log", ready=listens(port)
    ):
        yield made


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


@asynccontextmanager
async def node_exporter(place: Path) -> AsyncIterator[str]:
    """The URL of a node_exporter's page, about this very machine."""
    program, port = command("prometheus-node-exporter"), free_port()
    words = (program, f"--web.listen-address=127.0.0.1:{port}")
    async with serving(*words, log=place / "node_exporter.log", ready=listens(port)):
        yield f"http://127.0.0.1:{port}/metrics"
