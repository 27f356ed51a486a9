"""What one look at a backend found, for people: every question with its answer, then what Maek reads in them.

Rules of this file
- Pure. An answer may be anything: nothing of it moves the cursor, and keys in it are hidden.
- What a stranger needs stands last, where the eye of somebody before a terminal is.
"""

from collections.abc import Iterator

from router.language import pick
from router.terminal.cells import clean
from router.terminal.words import Word, Words, say
from sidecar import Examination, Model, redacted

MOST_LINES = 12
MOST_CHARACTERS = 400
"""Of a line of an answer, in the short form. JSON is one line."""
MOST_MODELS = 20

PURPOSES: Words = {
    "identity": Word("어떤 서버인가", "who is it"),
    "liveness": Word("살아 있는가", "is it alive"),
    "models": Word("모델은 무엇인가", "which models has it"),
    "statistics": Word("얼마나 바쁜가", "how busy is it"),
}

VERDICTS: Words = {
    "ok": Word("정상: 요청을 받습니다.", "up: it takes requests."),
    "loading": Word(
        "모델 로딩 중: 아직 가중치를 읽고 있습니다. 장애가 아니며, 끝나면 요청을 받습니다.",
        "loading: it still reads its weights. That is no failure; it takes requests once that is done.",
    ),
    "sleeping": Word(
        "잠듦: 요청을 받습니다. 다음 요청이 깨우며, 그 요청은 모델이 올라올 때까지 기다립니다.",
        "asleep: it takes requests. The next one wakes it, and waits while the model is loaded.",
    ),
    "suspended": Word(
        "재워 둠: 운영자가 깨울 때까지 요청을 받지 않습니다.",
        "suspended: put to sleep by its operator; it takes no requests until it is woken.",
    ),
    "refused": Word(
        "중단: 그 주소에서 듣고 있는 서버가 없습니다(연결 거부).",
        "down: nobody listens at that address (the connection was refused).",
    ),
    "connect_timeout": Word(
        "중단: 연결되지 않았습니다. 이름, 네트워크, 방화벽을 확인하십시오.",
        "down: no connection came about. Look at the name, the network, the firewall.",
    ),
    "read_timeout": Word(
        "중단: 연결은 되었지만 제때 답하지 않았습니다. 매우 바쁘거나 멈춘 서버입니다.",
        "down: it took the connection and did not answer in time. It is very busy, or it hangs.",
    ),
    "bad_status": Word(
        "중단: 생존 확인에 {detail}(으)로 답했습니다.", "down: it answered the sign of life with {detail}."
    ),
    "bad_body": Word(
        "중단: {engine} 서버의 답이 아닙니다. engine 설정을 확인하십시오.",
        "down: this is not how {engine} answers. Look at the engine of this backend.",
    ),
    "stranger": Word(
        "중단: 무언가 답하지만 Maek이 아는 LLM 서버가 아닙니다.",
        "down: something answers there, but no LLM server that Maek knows.",
    ),
    "broken": Word("중단: 답하다가 연결을 끊었습니다.", "down: it broke the connection instead of an answer."),
    "key_missing": Word(
        "중단: 키를 요구합니다. 이 백엔드의 api_key를 설정하십시오.",
        "down: it wants a key. Set the api_key of this backend.",
    ),
}

LABELS: Words = {
    "engine": Word("엔진", "engine"),
    "verdict": Word("판정", "verdict"),
    "models": Word("모델", "models"),
    "load": Word("부하", "load"),
    "inference": Word("추론", "inference"),
}
LABEL_CELLS = 11
"""The longest of them and two blanks."""


def report(found: Examination, language: str, *, raw: bool = False) -> list[str]:
    """The lines; with `raw` the answers whole."""
    name = "" if found.spec.name == found.spec.url else f"{found.spec.name}  "
    lines = [clean(name + found.spec.url), *_conversation(found, language, raw=raw), ""]
    for label, values in _summary(found, language):
        named = say(LABELS, label, language)
        # Hangul takes two cells a letter.
        indent = named + " " * (LABEL_CELLS - sum(1 if c.isascii() else 2 for c in named))
        for value in values:
            lines.append(indent + clean(value))
            indent = " " * LABEL_CELLS
    return lines


def _conversation(found: Examination, language: str, *, raw: bool) -> Iterator[str]:
    purpose = ""
    seen: dict[str, bytes] = {}
    for step in found.steps:
        if step.purpose == "reading":
            problem = clean(redacted(step.probed.detail, [found.spec.api_key]))
            yield "  " + pick(language, ko=f"읽을 수 없음: {problem}", en=f"it cannot be read: {problem}")
            continue
        if step.purpose != purpose:
            purpose = step.purpose
            yield ""
            yield say(PURPOSES, purpose, language)
        answer = step.probed.answer
        judged = f"{step.probed.outcome}, " if purpose == "liveness" or answer is None else ""
        detail = clean(redacted(step.probed.detail, [found.spec.api_key]))
        line = f"  {step.ask}  {judged}{detail}, {step.probed.latency_ms} ms"
        again = answer is not None and seen.get(str(step.ask)) == answer.body
        # That a server does not have a path which only another one has is as it should be.
        dull = answer is not None and answer.status == 404 and purpose == "identity"
        yield line + (pick(language, ko=", 위와 같음", en=", as above") if again and not raw else "")
        if answer is not None and (raw or not (again or dull)):
            seen[str(step.ask)] = answer.body
            yield from _body(found, answer.body, raw=raw)


def _body(found: Examination, body: bytes, *, raw: bool) -> Iterator[str]:
    lines = redacted(body.decode("utf-8", "replace"), [found.spec.api_key]).splitlines()
    if raw:
        yield from (f"  | {clean(line)}" for line in lines)
        return
    # Of a page of metrics, those that are read; the interpreter's come first and fill screens.
    chosen = [line for line in lines if line.partition("{")[0].partition(" ")[0] in _metrics(found)] or lines
    for line in chosen[:MOST_LINES]:
        cut = "…" if len(line) > MOST_CHARACTERS else ""
        yield f"  | {clean(line[:MOST_CHARACTERS])}{cut}"
    if len(lines) > min(len(chosen), MOST_LINES):
        yield f"  | … {len(lines)} lines, {len(body)} bytes; --raw shows all"


def _metrics(found: Examination) -> frozenset[str]:
    page = found.engine.page
    if page is None:
        return frozenset()
    selectors = (*page.running, *page.waiting, *page.also_waiting, *page.kv_usage, *page.slots)
    return frozenset(selector.name for selector in selectors)


def _summary(found: Examination, language: str) -> Iterator[tuple[str, list[str]]]:
    yield "engine", [_engine(found, language)]
    yield "verdict", [verdict(found, language)]
    yield "models", _models(found, language)
    yield "load", _load(found, language)
    if found.inference_ms is not None:
        failed = pick(language, ko="한 토큰도 생성하지 못했습니다", en="it did not generate one token")
        yield "inference", [failed if found.inference_ms < 0 else f"{found.inference_ms} ms"]


def _engine(found: Examination, language: str) -> str:
    identity = found.identity
    recognised = "" if identity is None else f"{identity.product} {identity.version or ''}".strip()
    if found.spec.engine == "auto":
        assumed = pick(
            language,
            ko="알아보지 못해 OpenAI 호환으로 봄",
            en="not recognised; asked as any OpenAI-compatible one",
        )
        return f"{found.engine.name}  ({recognised or assumed})"
    configured = pick(language, ko="설정에 따름", en="as configured")
    if identity is None or identity.engine == found.engine.name:
        return f"{found.engine.name}  ({', '.join(filter(None, [recognised, configured]))})"
    doubt = pick(
        language, ko=f"설정은 이렇지만 {recognised}로 보입니다", en=f"{configured}, but it looks like {recognised}"
    )
    return f"{found.engine.name}  ({doubt})"


def verdict(found: Examination, language: str) -> str:
    """What the backend is held to be, in a sentence."""
    sign = next(step.probed for step in found.steps if step.purpose == "liveness")
    code: str = found.outcome
    if sign.answer is None and code == "bad_body":
        code = "broken"
    elif sign.answer is not None and code == "bad_status" and sign.answer.status in (401, 403):
        code = "key_missing"
    elif code in ("bad_body", "bad_status") and found.spec.engine == "auto" and found.identity is None:
        code = "stranger"
    return say(VERDICTS, code, language).format(detail=sign.detail, engine=found.engine.title)


def _models(found: Examination, language: str) -> list[str]:
    if found.models is None:
        problem = next((step.probed.detail for step in found.steps if step.purpose == "reading"), "")
        hidden = redacted(problem, [found.spec.api_key])
        return [pick(language, ko=f"알 수 없음: {hidden}", en=f"unknown: {hidden}")]
    if not found.models:
        return [pick(language, ko="없음", en="none")]
    width = min(48, max(len(model.name) for model in found.models))
    lines = [f"{model.name:<{width}}  {_model(model, language)}".rstrip() for model in found.models[:MOST_MODELS]]
    more = len(found.models) - MOST_MODELS
    return [*lines, pick(language, ko=f"그 밖에 {more}개", en=f"and {more} more")] if more > 0 else lines


def _model(model: Model, language: str) -> str:
    said = [pick(language, ko="올리는 중", en="being loaded") if model.loading else ""]
    if model.loaded is not None and not model.loading:
        there = pick(language, ko="메모리에 있음", en="in memory")
        said.append(there if model.loaded else pick(language, ko="메모리에 없음", en="not in memory"))
    if model.memory_bytes:
        said.append(f"{model.memory_bytes / 1e9:.1f} GB")
    if model.memory_bytes and model.accelerator_bytes is not None:
        part = f"{model.accelerator_bytes / model.memory_bytes:.0%}"
        said.append(pick(language, ko=f"{part}가 가속기에", en=f"{part} of it on the accelerator"))
    if model.context_tokens:
        said.append(pick(language, ko=f"컨텍스트 {model.context_tokens}", en=f"context {model.context_tokens}"))
    if model.expires_in_seconds is not None:
        seconds = round(model.expires_in_seconds)
        said.append(pick(language, ko=f"{seconds}초 뒤 내려감", en=f"leaves in {seconds} s"))
    return ", ".join(filter(None, said))


def _load(found: Examination, language: str) -> list[str]:
    reading = found.reading
    if reading is None:
        return [pick(language, ko="읽을 수 없음", en="it cannot be read")]
    said = []
    if reading.running is not None:
        said.append(pick(language, ko=f"처리 중 {reading.running}", en=f"running {reading.running}"))
    if reading.waiting is not None:
        said.append(pick(language, ko=f"대기 {reading.waiting}", en=f"waiting {reading.waiting}"))
    if reading.kv_usage_ratio is not None:
        said.append(pick(language, ko=f"캐시 {reading.kv_usage_ratio:.1%}", en=f"cache {reading.kv_usage_ratio:.1%}"))
    if reading.total_requests is not None:
        said.append(pick(language, ko=f"지금까지 {reading.total_requests}", en=f"{reading.total_requests} so far"))
    said.append(_slots(found, reading.slots, language))
    lines = [", ".join(filter(None, said))]
    if reading.running is None and found.health.available:
        lines.append(_unknown_load(found, language))
    return list(filter(None, lines))


def _slots(found: Examination, told_slots: int | None, language: str) -> str:
    told = found.spec.slots or told_slots
    if told is not None:
        return pick(language, ko=f"동시 {told}개", en=f"{told} at once")
    assumed = found.engine.assumed_slots
    return "" if assumed is None else pick(language, ko=f"동시 {assumed}개로 봄", en=f"taken to do {assumed} at once")


def _unknown_load(found: Examination, language: str) -> str:
    if found.engine.asks():
        hint = f": {found.engine.stats_hint}" if found.engine.stats_hint else ""
        return (
            pick(language, ko="몇 개를 처리 중인지 말하지 않습니다", en="it does not say how many requests run") + hint
        )
    return pick(
        language,
        ko="부하를 알리지 않는 서버입니다: Maek은 자기가 보낸 요청만 셉니다 (앞에 `maek sidecar`를 두면 모두 셉니다)",
        en="it has no way to tell: Maek counts its own requests (`maek sidecar` in front of it counts everybody's)",
    )
