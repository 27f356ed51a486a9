"""One backend: whether it can be asked, as what, with which models, and what its clock says.

Rules of this file
- `judged` is pure: what was found goes in, a line comes out. The questions are those of `maek probe`, no others.
- A trouble is named for whose remedy it has: a name, a port, a certificate, a key, an engine, a model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

import aiohttp

from router.doctor.finding import Area, Finding, broken, doubtful, well
from router.doctor.versions import too_old
from router.terminal.words import Word
from router.tools.hosts.trouble import Trouble, Why, trouble_of
from sidecar import BackendSpec, Examination, Prober, examine, redacted

KNOCK_SECONDS = 5.0
MOST_NAMED = 5
SKEW_SECONDS = 5.0
"""A Date has whole seconds, and an answer may take one or two."""
REFUSED_STATUSES = (401, 403)


@dataclass(frozen=True, slots=True)
class Seen:
    """A look at a backend."""

    found: Examination
    trouble: Trouble | None = None
    """Why nothing of it could be had."""
    skew_seconds: float | None = None
    """Its clock less ours; None where it did not say."""


async def seen(session: aiohttp.ClientSession, spec: BackendSpec) -> Seen:
    """Ask it everything that costs no token."""
    found = await examine(Prober(session, monotonic), spec)
    now = datetime.now(UTC)
    if not any(step.probed.answer for step in found.steps):
        return Seen(found, await _knocked(session, spec.url))
    return Seen(found, skew_seconds=_skew(found, now))


async def _knocked(session: aiohttp.ClientSession, url: str) -> Trouble:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(KNOCK_SECONDS), allow_redirects=False):
            return Trouble(Why.CUT)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return trouble_of(error)


def _skew(found: Examination, now: datetime) -> float | None:
    """By the last answer: the others are a moment old."""
    for step in reversed(found.steps):
        date = step.probed.answer.headers.get("date") if step.probed.answer else None
        if date is not None:
            try:
                return (parsedate_to_datetime(date) - now).total_seconds()
            except (ValueError, TypeError):
                return None
    return None


def judged(look: Seen) -> Iterator[Finding]:
    """The lines of one backend."""
    yield _reached(look)
    if look.trouble is None and look.found.health.available:
        yield from _engine(look.found)
        yield from _age(look.found)
        yield from _models(look.found)


def _reached(look: Seen) -> Finding:
    found, name = look.found, look.found.spec.name
    if look.trouble is not None:
        return broken(Area.BACKENDS, name, *_TROUBLES.get(look.trouble.why, _TROUBLES[Why.CUT]))
    if (status := _refused(found)) is not None:
        return broken(Area.BACKENDS, name, *_key(found.spec, status))
    if found.verdict == "loading":
        return doubtful(Area.BACKENDS, name, *_LOADING)
    if found.verdict == "suspended":
        return doubtful(Area.BACKENDS, name, *_SUSPENDED)
    if not found.health.available:
        return broken(Area.BACKENDS, name, *_wrong_engine(found))
    return well(Area.BACKENDS, name, Word(f"{_version(found)}, 요청을 받습니다", f"{_version(found)}, takes requests"))


def _refused(found: Examination) -> int | None:
    """The status with which it wants another key. Its identity may be anybody's business, its models are not."""
    for step in found.steps:
        answer = step.probed.answer
        if answer is not None and step.purpose in ("liveness", "models") and answer.status in REFUSED_STATUSES:
            return answer.status
    return None


def _version(found: Examination) -> str:
    identity = found.identity
    if identity is None:
        return found.engine.title
    return redacted(f"{identity.product or found.engine.title} {identity.version or ''}".strip())[:80]


def _engine(found: Examination) -> Iterator[Finding]:
    identity, spec = found.identity, found.spec
    if identity is not None and spec.engine not in ("auto", identity.engine):
        looks = _version(found)
        said = Word(
            f"설정은 engine: {spec.engine}이지만 {looks}(으)로 보입니다",
            f"configured as engine: {spec.engine}, but it looks like {looks}",
        )
        advice = Word(
            f"engine: {identity.engine} 또는 auto로 바꾸십시오.", f"Set engine: {identity.engine}, or auto, for it."
        )
        yield doubtful(Area.BACKENDS, spec.name, said, advice)


def _age(found: Examination) -> Iterator[Finding]:
    identity = found.identity
    if identity is not None and (old := too_old(found.spec.name, identity.engine, identity.version)) is not None:
        yield old


def _models(found: Examination) -> Iterator[Finding]:
    if found.models is None:
        return
    there = [model.name for model in found.models]
    names = ", ".join(there[:MOST_NAMED]) + (" …" if len(there) > MOST_NAMED else "")
    for role, model in found.spec.models.items():
        if model in there or (model == "auto" and there):
            continue
        said = Word(f"{role}의 모델 {model}이(가) 없습니다", f"the model {model} of {role} is not there")
        advice = Word(
            f"모델을 내려받거나 models.{role}을(를) 바꾸십시오. 있는 모델: {names or '없음'}",
            f"Pull it there, or change models.{role}. It has: {names or 'none'}",
        )
        yield broken(Area.BACKENDS, found.spec.name, said, advice)


def skews(looks: list[Seen]) -> Iterator[Finding]:
    """Whether the clocks of the backends agree with ours."""
    known = [look for look in looks if look.skew_seconds is not None]
    off = [look for look in known if abs(look.skew_seconds or 0.0) > SKEW_SECONDS]
    if known and not off:
        many = len(known)
        yield well(Area.CLOCK, "", Word(f"백엔드 {many}개의 시계와 맞습니다", f"agrees with {many} backend(s)"))
    ours = len(off) > 1 and len(off) == len(known) and len({(look.skew_seconds or 0.0) > 0 for look in off}) == 1
    for look in off:
        seconds = round(look.skew_seconds or 0.0)
        ahead = Word("빠릅니다", "ahead of ours") if seconds > 0 else Word("느립니다", "behind ours")
        said = Word(f"이 컴퓨터보다 {abs(seconds)}초 {ahead.ko}", f"{abs(seconds)} s {ahead.en}")
        yield doubtful(Area.CLOCK, look.found.spec.name, said, _OURS if ours else _THEIRS)


_THEIRS = Word(
    "두 컴퓨터에서 `date`를 비교하고 시간 동기화를 켜십시오(`timedatectl set-ntp true`).",
    "Compare `date` on both machines, and switch on time synchronisation (`timedatectl set-ntp true`).",
)
_OURS = Word(
    "모든 백엔드가 이 컴퓨터와 다릅니다. 이 컴퓨터의 시간 동기화를 켜십시오(`timedatectl set-ntp true`).",
    "All backends disagree with this machine: switch on its time synchronisation (`timedatectl set-ntp true`).",
)
_LOADING = (
    Word("모델을 올리는 중입니다", "it still loads its model"),
    Word("끝나면 요청을 받습니다. 오래 걸리면 그 서버의 로그를 보십시오.",
         "It takes requests once that is done; if that takes long, look at its log."),
)  # fmt: skip
_SUSPENDED = (
    Word("운영자가 재워 두었습니다", "its operator has put it to sleep"),
    Word("그 서버에서 깨우십시오.", "Wake it up there."),
)
_TROUBLES = {
    Why.REFUSED: (
        Word("연결이 거부되었습니다: 그 포트에서 듣는 서버가 없습니다", "refused: nobody listens at that port"),
        Word("서버가 켜져 있는지, 포트와 수신 주소(0.0.0.0)가 맞는지 보십시오.",
             "Start it; look at its port, and at the address it listens on (127.0.0.1 is that machine alone)."),
    ),
    Why.NO_NAME: (
        Word("DNS: 이름의 주소를 찾을 수 없습니다", "DNS: its name has no address"),
        Word("url의 이름, DNS 서버, /etc/hosts를 보십시오.", "Look at the name in its url, your DNS, /etc/hosts."),
    ),
    Why.SLOW: (
        Word("시간 초과: 제때 연결되거나 답하지 않았습니다", "timeout: no connection or no answer in time"),
        Word("컴퓨터가 켜져 있는지, 네트워크와 방화벽, 서버가 멈추지 않았는지 보십시오.",
             "Look whether that machine is on, at the network and firewalls, and whether the server hangs."),
    ),
    Why.UNTRUSTED: (
        Word("TLS: 인증서를 믿을 수 없거나 TLS가 아닙니다", "TLS: its certificate is not trusted, or it speaks no TLS"),
        Word("인증서의 이름과 기한, 발급자를 보거나 url을 http://로 바꾸십시오.",
             "Look at the name, date and issuer of its certificate, or write http:// in its url."),
    ),
    Why.CUT: (
        Word("연결은 되지만 HTTP로 답하지 않습니다", "it takes connections and does not speak HTTP"),
        Word("포트가 맞는지, https://로 물어야 하는 서버인지 보십시오.",
             "Look at the port, and whether it wants https://."),
    ),
}  # fmt: skip


def _key(spec: BackendSpec, status: int) -> tuple[Word, Word]:
    if spec.api_key is None:
        return (
            Word(f"키를 요구합니다(HTTP {status})", f"it wants a key (HTTP {status})"),
            Word("이 백엔드의 api_key를 설정하십시오(env:NAME).", "Set the api_key of this backend (env:NAME)."),
        )
    return (
        Word(f"키를 거부했습니다(HTTP {status})", f"it refuses the key (HTTP {status})"),
        Word(
            "api_key가 가리키는 키를 서버의 것과 비교하십시오.",
            "Compare what its api_key refers to with the server's key.",
        ),
    )


def _wrong_engine(found: Examination) -> tuple[Word, Word]:
    identity, spec = found.identity, found.spec
    if identity is not None and spec.engine not in ("auto", identity.engine):
        looks = _version(found)
        return (
            Word(
                f"engine: {spec.engine}(으)로 설정했지만 {looks}처럼 답합니다",
                f"wrong engine: configured as {spec.engine}, answers like {looks}",
            ),
            Word(f"engine: {identity.engine} 또는 auto로 바꾸십시오.", f"Set engine: {identity.engine}, or auto."),
        )
    if spec.engine == "auto" and identity is None:
        return (
            Word("답하지만 Maek이 아는 LLM 서버가 아닙니다", "it answers, but is no LLM server that Maek knows"),
            Word(
                "포트를 확인하고 `maek probe`로 답을 보십시오.", "Look at the port; `maek probe` shows what it answers."
            ),
        )
    return (
        Word(f"{found.engine.title}답지 않은 답입니다", f"it does not answer as a {found.engine.title} that is well"),
        Word("`maek probe`로 답을 보고 engine과 서버 로그를 확인하십시오.",
             "`maek probe` shows its answer; look at its engine and at its log."),
    )  # fmt: skip
