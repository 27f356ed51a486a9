"""A test chat with every role: through the Maek that runs, else directly with a backend that serves the role.

Rules of this file
- It costs a few tokens for each role; `--no-chat` leaves it out. What the model says is not shown.
- Roles that embed are asked for an embedding; those that only rank are not asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic

import aiohttp
import orjson

from router.balance.pools import EMBEDDER, pool_of_role
from router.config import REASONER, Config
from router.doctor.backends import Seen
from router.doctor.finding import Area, Finding, broken, doubtful, same, well
from router.terminal.words import Word
from router.tools.hosts.remedies import why
from router.tools.hosts.trouble import trouble_of
from sidecar import BackendState

MOST_TOKENS = 16
SLOW_SECONDS = 15.0
HELLO = [{"role": "user", "content": "Say hello."}]


def question(config: Config, role: str, model: str) -> tuple[str, Mapping[str, object]] | None:
    """Path and body of the test; None for roles that can only rank."""
    document = config.router.tools.document
    if role == document.rerank_role:
        return None
    if role in (EMBEDDER, document.embed_role):
        return "/v1/embeddings", {"model": model, "input": "hello"}
    return "/v1/chat/completions", {"model": model, "messages": HELLO, "max_tokens": MOST_TOKENS}


async def through_maek(
    config: Config, session: aiohttp.ClientSession, url: str, role: str, headers: Mapping[str, str], seconds: float
) -> list[Finding]:
    """As any client would."""
    asked = question(config, role, role)
    if asked is None:
        return [_not_tried(role)]
    return [await _tried(session, url, asked, headers, role, "Maek", seconds)]


async def directly(
    config: Config, session: aiohttp.ClientSession, looks: Sequence[Seen], role: str, seconds: float
) -> list[Finding]:
    """The first backend that is well and serves the role."""
    asked = question(config, role, "")
    if asked is None:
        return [_not_tried(role)]
    states = {look.found.spec.name: _state(look) for look in looks}
    well_ones = {name: state for name, state in states.items() if state.health.available}
    pool = pool_of_role(well_ones, role)
    if not pool:
        return [_nobody(role, named=any(role in look.found.spec.models for look in looks))]
    spec, model = states[pool[0].backend].spec, pool[0].model
    path, body = asked
    headers = {} if spec.api_key is None else {"authorization": f"Bearer {spec.api_key}"}
    return [await _tried(session, spec.url, (path, {**body, "model": model}), headers, role, spec.name, seconds)]


def _state(look: Seen) -> BackendState:
    found = look.found
    return replace(BackendState(found.spec), models=found.models, health=found.health)


async def _tried(
    session: aiohttp.ClientSession,
    url: str,
    asked: tuple[str, Mapping[str, object]],
    headers: Mapping[str, str],
    role: str,
    whom: str,
    seconds: float,
) -> Finding:
    path, body = asked
    began = monotonic()
    try:
        async with session.post(
            url + path,
            data=orjson.dumps(body),
            headers={"content-type": "application/json", **headers},
            timeout=aiohttp.ClientTimeout(total=seconds),
            allow_redirects=False,
        ) as response:
            answer = await response.content.read(1_000_000)
            answering = response.headers.get("x-maek-backend", whom)
    except TimeoutError:
        said = Word(f"{seconds:g}초 안에 답이 없습니다({whom})", f"no answer in {seconds:g} s ({whom})")
        advice = Word("서버가 모델을 올리는 중이거나 멈췄습니다. 그 서버의 로그를 보십시오.",
                      "The server loads its model, or hangs; look at its log. --seconds waits longer.")  # fmt: skip
        return broken(Area.CHAT, role, said, advice)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        (ko, do_ko), (en, do_en) = why("ko", trouble_of(error)), why("en", trouble_of(error))
        return broken(Area.CHAT, role, Word(f"{whom}: {ko}", f"{whom}: {en}"), Word(do_ko, do_en))
    return _answered(role, answering, response.status, answer, monotonic() - began)


def _answered(role: str, whom: str, status: int, answer: bytes, seconds: float) -> Finding:
    if status != 200:
        code = _code(answer)
        refused = f"HTTP {status}{f' {code}' if code else ''} ({whom})"
        return broken(Area.CHAT, role, same(refused), _CODES.get(code, _ELSE))
    if b'"choices"' not in answer and b'"data"' not in answer:
        return broken(
            Area.CHAT, role, Word(f"알아볼 수 없는 답({whom})", f"an answer that makes no sense ({whom})"), _ELSE
        )
    said = Word(f"{whom}이(가) {seconds:.1f}초 만에 답했습니다", f"answered by {whom} in {seconds:.1f} s")
    if seconds <= SLOW_SECONDS:
        return well(Area.CHAT, role, said)
    advice = Word("모델을 올렸거나 바쁜 서버입니다. `maek top`으로 보십시오.",
                  "It loaded its model, or is busy: `maek top` shows which.")  # fmt: skip
    return doubtful(Area.CHAT, role, said, advice)


def _code(answer: bytes) -> str:
    """Maek's stable code; nothing of what backends say."""
    try:
        code = orjson.loads(answer)["error"]["code"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return ""
    return code if isinstance(code, str) and code in _CODES else ""


_ELSE = Word("그 서버의 로그와 `maek probe`를 보십시오.", "Look at the log of that server, and at `maek probe`.")
_BUSY = Word(
    "모두 바쁩니다. `maek top`으로 보고 나중에 다시 실행하십시오.",
    "Everybody is busy: `maek top` shows who; run this again later.",
)
_CODES = {
    "unauthorized": Word(
        "환경 변수 MAEK_KEY에 키를 넣으십시오.", "Put a key that Maek knows into the environment variable MAEK_KEY."
    ),
    "no_backend": Word(
        "이 역할을 맡을 백엔드를 켜거나 설정하십시오(models).", "Start a backend for this role, or name one (models)."
    ),
    **dict.fromkeys(("queue_full", "queue_timeout", "overloaded", "backend_rejected"), _BUSY),
}


def _not_tried(role: str) -> Finding:
    return well(Area.CHAT, role, Word("순위만 매기는 역할이라 묻지 않았습니다", "not tried: it only ranks"))


def _nobody(role: str, *, named: bool) -> Finding:
    """`named`: some backend should. Without a classifier the reasoner answers what nothing else decides."""
    said = Word("맡을 수 있는 백엔드가 없습니다", "no backend that is well serves it")
    advice = Word(f"LLM 서버를 켜거나 백엔드의 models에 {role}: 모델을 적으십시오.",
                  f"Start an LLM server, or write {role}: MODEL into the models of a backend.")  # fmt: skip
    return (broken if named or role == REASONER else doubtful)(Area.CHAT, role, said, advice)
