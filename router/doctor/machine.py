"""This machine: open files, the data folder, names and certificates of everybody who is asked.

Rules of this file
- Nothing is left behind: what is written to see whether it can be written is removed.
- A server that is asked for its certificate gets nothing but a handshake.
"""

import asyncio
import ipaddress
import os
import resource
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from router.doctor.finding import Area, Finding, broken, doubtful, same, well
from router.flight.files import FOLDER as FLIGHT
from router.terminal.words import Word

FILES_A_STREAM = 2
"""The client's connection, and the one to the backend."""
FILES_BESIDES = 100
"""Databases, probes, logs, listening."""
FEWEST_FILES = 256
LITTLE_BYTES = 1_000_000_000
TOO_LITTLE_BYTES = 100_000_000
SLOW_NAME_SECONDS = 1.0
EXPIRING_DAYS = 14
TLS_SECONDS = 6.0
RENEW = Word(
    "인증서를 갱신하거나, 직접 만든 것이면 ca_file에 적으십시오.",
    "Renew it; if it is one of your own, name its issuer to this machine (or as ca_file).",
)


def files(streams: int, limit: int | None = None) -> Finding:
    """Whether so many chats at the same time have the files they need. `limit`: a running Maek's; None: ours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = soft if limit is None else limit
    wanted = streams * FILES_A_STREAM + FILES_BESIDES
    if limit == resource.RLIM_INFINITY or limit >= wanted:
        return well(Area.MACHINE, "", Word(f"열 수 있는 파일 {limit}개", f"{limit} open files allowed"))
    fits = max(0, (limit - FILES_BESIDES) // FILES_A_STREAM)
    said = Word(
        f"열 수 있는 파일이 {limit}개뿐이라 동시 대화는 약 {fits}개까지입니다(router.limits.streams: {streams})",
        f"only {limit} open files: enough for about {fits} chats at once (router.limits.streams: {streams})",
    )
    more = "" if hard == resource.RLIM_INFINITY or hard >= wanted else f" (ulimit -Hn: {hard})"
    advice = Word(
        f"`ulimit -n {wanted}`{more} 또는 systemd의 LimitNOFILE={wanted}. 아니면 router.limits.streams를 줄이십시오.",
        f"`ulimit -n {wanted}`{more}, or LimitNOFILE={wanted} for systemd; or lower router.limits.streams.",
    )
    return (broken if limit < FEWEST_FILES else doubtful)(Area.MACHINE, "", said, advice)


def folder(path: Path, recorder_bytes: int = 0) -> Iterator[Finding]:
    """Whether the data folder can be written, and what is free there. `recorder_bytes`: how much the flight recorder
    may take of it; what it has already is not asked for twice.
    """
    there = next(one for one in (path, *path.parents) if one.exists())
    advice = Word(
        "router.data_dir 또는 MAEK_DATA_DIR로 쓸 수 있는 폴더를 지정하십시오.",
        "Name a folder that Maek may write with router.data_dir or MAEK_DATA_DIR, or change its owner.",
    )
    if (problem := _unwritable(there)) is not None:
        said = Word(f"데이터 폴더를 쓸 수 없습니다({problem})", f"the data folder cannot be written ({problem})")
        yield broken(Area.MACHINE, str(path), said, advice)
        return
    free = shutil.disk_usage(there).free - max(0, recorder_bytes - _taken(path / FLIGHT))
    size = f"{max(0, free) / 1e9:.1f} GB"
    said = Word(f"데이터 폴더를 쓸 수 있고 {size} 남았습니다", f"the data folder can be written, {size} free")
    if recorder_bytes:
        said = Word(
            f"데이터 폴더를 쓸 수 있고 비행 기록 몫을 빼면 {size} 남았습니다",
            f"the data folder can be written, {size} free beside what the flight recorder may take",
        )
    if free >= LITTLE_BYTES:
        yield well(Area.MACHINE, str(path), said)
        return
    make_room = Word(
        "자리를 비우거나 router.recorder.bytes를 줄이십시오. 대화와 작업이 여기에 저장됩니다.",
        "Make room, or lower router.recorder.bytes: conversations and jobs are stored there.",
    )
    yield (broken if free < TOO_LITTLE_BYTES else doubtful)(Area.MACHINE, str(path), said, make_room)


def _taken(flight: Path) -> int:
    """Bytes of the flight recorder so far; 0 where it may not be looked at."""
    try:
        return sum(one.stat().st_size for one in flight.iterdir())
    except OSError:
        return 0


def _unwritable(there: Path) -> str | None:
    if not there.is_dir():
        return "not a folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return "permission denied"
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"maek")
            file.flush()
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


async def named(host: str) -> list[Finding]:
    """Whether a name has an address, and how long it took to find out. Nothing to say of addresses."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return []
    began = monotonic()
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, UnicodeError):
        advice = Word("철자, DNS 서버(/etc/resolv.conf), /etc/hosts를 보십시오.",
                      "Look at its spelling, at the name servers (/etc/resolv.conf) and at /etc/hosts.")  # fmt: skip
        return [broken(Area.NAMES, host, Word("주소를 찾을 수 없습니다", "it has no address"), advice)]
    seconds = monotonic() - began
    shown = ", ".join(sorted({str(one[4][0]) for one in found})[:3])
    if seconds < SLOW_NAME_SECONDS:
        return [well(Area.NAMES, host, same(shown))]
    said = Word(f"{shown} (찾는 데 {seconds:.1f}초)", f"{shown} (found after {seconds:.1f} s)")
    advice = Word("첫 번째 DNS 서버가 답하는지 보십시오.", "See whether the first name server answers.")
    return [doubtful(Area.NAMES, host, said, advice)]


async def certificate(host: str, port: int, ca_file: str | None = None) -> list[Finding]:
    """Whether a certificate is trusted, and for how long. Nothing to say where nobody answers: others say that."""
    name = f"{host}:{port}"
    try:
        context = await asyncio.to_thread(ssl.create_default_context, cafile=ca_file)
        async with asyncio.timeout(TLS_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        said = Word(f"인증서를 믿을 수 없습니다: {error.verify_message}", f"not trusted: {error.verify_message}")
        return [broken(Area.TLS, name, said, RENEW)]
    except ssl.SSLError as error:
        reason = (error.reason or "handshake failed").lower().replace("_", " ")
        return [broken(Area.TLS, name, Word(f"TLS 실패: {reason}", f"TLS failed: {reason}"), RENEW)]
    except (OSError, UnicodeError):
        return []
    ends = writer.get_extra_info("peercert", {}).get("notAfter")
    writer.transport.abort()
    return [] if ends is None else [lasting(name, ends, RENEW)]


def lasting(name: str, ends: str, advice: Word) -> Finding:
    """How long a certificate is good that ends then, in the words of OpenSSL."""
    days = (datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) - datetime.now(UTC)).days
    said = Word(f"인증서가 {days}일 더 유효합니다", f"valid for {days} more days")
    return well(Area.TLS, name, said) if days >= EXPIRING_DAYS else doubtful(Area.TLS, name, said, advice)
