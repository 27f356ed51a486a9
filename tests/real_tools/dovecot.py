"""A real Dovecot for the tests, on loopback with TLS and STARTTLS, over folders of messages that a test writes.

`apt-get install dovecot-imapd` brings it. Without it tests are skipped, but on CI they fail: there it is wanted. It
runs as root, because its parts change to users of their own.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

PASSWORD = "correct-horse"
MAIL_USER = "mail"
START_SECONDS = 30.0
POLL_SECONDS = 0.05

SETTINGS = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log.txt
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = yes
mail_location = {kind}:{folder}/mail/%u
first_valid_uid = 1
first_valid_gid = 1
maildir_very_dirty_syncs = yes
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {starttls_port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  unix_listener stats-reader {{
    mode = 0600
  }}
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running server. Every user name is one of its users, with PASSWORD."""

    folder: Path
    tls_port: int
    starttls_port: int
    uid: int
    gid: int
    """Whose its mailboxes are."""

    @property
    def certificate(self) -> Path:
        """It signed its own."""
        return self.folder / "cert.pem"

    def put(self, user: str, message: bytes, arrived: datetime, *, folder: str = "INBOX", flags: str = "") -> None:
        """Lay a message into a folder, as a delivery would."""
        place = self.mailbox(user, folder)
        self._lay(place, len(os.listdir(place)), message, arrived, flags)

    def _lay(self, place: Path, number: int, message: bytes, arrived: datetime, flags: str) -> None:
        at = arrived.timestamp()
        path = f"{place}/{int(at)}.M{number}P1.host:2,{flags}"
        with open(path, "wb") as file:
            file.write(message)
        os.utime(path, (at, at))
        os.chown(path, self.uid, self.gid)

    def mailbox(self, user: str, folder: str = "INBOX") -> Path:
        """Where a folder's messages are; made where it is not there."""
        root = self.folder / "mail" / user
        place = root if folder == "INBOX" else root / f".{folder}"
        for one in (root, place, *(place / name for name in ("cur", "new", "tmp"))):
            if not one.is_dir():
                one.mkdir(parents=True)
                os.chown(one, self.uid, self.gid)
        return place / "cur"

    def bytes_of(self, user: str) -> dict[str, bytes]:
        """Every message file of a user, by its name, which tells the flags."""
        root = self.folder / "mail" / user
        return {
            str(path.relative_to(root)): path.read_bytes()
            for kind in ("cur", "new", "tmp")
            for path in root.rglob(f"{kind}/*")
        }

    def log(self) -> str:
        """What it said."""
        return (self.folder / "log.txt").read_text(errors="replace")


def executable() -> str:
    """Where it is; skips the test that asks if it is not there, or fails it on CI."""
    found = shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))
    if found and os.geteuid() == 0:
        return found
    reason = "install dovecot (apt-get install dovecot-imapd) and run the tests as root"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(kind: str = "maildir") -> Iterator[Dovecot]:
    """A Dovecot on free ports, over mailboxes of that kind, gone at the end."""
    program = executable()
    folder = Path(tempfile.mkdtemp(prefix="maek-dovecot-")).resolve()
    try:
        folder.chmod(0o755)
        owner = pwd.getpwnam(MAIL_USER)
        server = Dovecot(folder, _free_port(), _free_port(), owner.pw_uid, owner.pw_gid)
        (folder / "mail").mkdir()
        os.chown(folder / "mail", server.uid, server.gid)
        _make_certificate(folder)
        (folder / "dovecot.conf").write_text(
            SETTINGS.format(
                kind=kind,
                folder=folder,
                password=PASSWORD,
                uid=server.uid,
                gid=server.gid,
                tls_port=server.tls_port,
                starttls_port=server.starttls_port,
            )
        )
        process = subprocess.Popen([program, "-F", "-c", str(folder / "dovecot.conf")])
        try:
            _wait_for(server, process)
            yield server
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def _wait_for(server: Dovecot, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise RuntimeError(f"dovecot ended: {server.log()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", server.starttls_port), 1.0).close()
        except OSError:
            time.sleep(POLL_SECONDS)
        else:
            return
    raise RuntimeError(f"dovecot does not answer: {server.log()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port
