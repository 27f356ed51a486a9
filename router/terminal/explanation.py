"""One decision in sentences, of what `/decisions/{id}` says: what was decided, who was asked, why, and what came of it.

Rules of this file
- Pure: the JSON of one decision in, lines out. Keys that are missing are passed over: the server may be of another
  version than this command.
- Written for somebody who sees Maek for the first time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.language import pick
from router.terminal.candidates import candidate_lines, duration, how_it_won
from router.terminal.cells import Line, Span, Style, clean, fitted, wrapped
from router.terminal.words import ENDINGS, ERRORS, LEVELS, PRIORITIES, STAGES, TOOL_OUTCOMES, say

INDENT = "  "
CLOSE_RATIO = 1.15
"""Up to here a prediction counts as right."""


def explanation(record: Mapping[str, Any], language: str, width: int) -> list[Line]:
    """The lines, none wider than `width` cells."""
    page = _Page(language, width)
    page.heading(*_title(record, language))
    page.heading(pick(language, ko="무엇을 할지", en="What to do"))
    for sentence in _decided(record, language):
        page.sentence(sentence)
    failed = bool(record.get("error"))
    if steps := record.get("tools"):
        page.heading(pick(language, ko="쓴 도구", en="Tools used"))
        for step in steps:
            page.sentence(_used(step, language), Style.PLAIN if step.get("outcome") == "ok" else Style.BAD)
    page.journey(record.get("deciding") or {}, pick(language, ko="분류 모델에게 묻기", en="Asking the classifier"))
    page.journey(
        record.get("answering") or {},
        pick(language, ko="누가 답하는지", en="Who answers"),
        otherwise=_nobody_asked(language, failed=failed),
    )
    if failed:
        page.heading(pick(language, ko="어떻게 끝났는지", en="How it ended"))
        page.sentence(_ended_with(str(record["error"]), language), Style.BAD)
    if trace_id := record.get("trace_id"):
        page.heading(pick(language, ko="추적", en="Trace"))
        page.sentence(pick(language, ko=f"추적 ID는 {trace_id}입니다.", en=f"Its id is {trace_id}."))
    return page.lines


class _Page:
    """Lines that grow."""

    def __init__(self, language: str, width: int) -> None:
        self.lines: list[Line] = []
        self._language = language
        self._width = width

    def heading(self, text: str, beside: str = "") -> None:
        """A heading, with a blank line above unless it is the first."""
        if self.lines and self.lines[-1]:
            self.lines.append(())
        self.lines.append(fitted((Span(text, Style.BOLD), Span(beside, Style.DIM)), self._width))

    def sentence(self, text: str, style: Style = Style.PLAIN) -> None:
        """A sentence, in as many lines as it takes."""
        for line in wrapped(clean(text), self._width - len(INDENT)):
            self.lines.append((Span(INDENT), Span(line, style)))

    def journey(self, journey: Mapping[str, Any], title: str, otherwise: str | None = None) -> None:
        """Where a call went; `otherwise` where it went nowhere."""
        attempts: Sequence[Mapping[str, Any]] = journey.get("attempts") or ()
        nobody: Mapping[str, Any] | None = journey.get("nobody")
        if not attempts and nobody is None:
            if otherwise is not None:
                self.heading(title)
                self.sentence(otherwise)
            return
        self.heading(title, f"  {_role((*attempts, nobody or {})[0])}")
        for number, attempt in enumerate(attempts, 1):
            self._attempt(attempt, number if len(attempts) > 1 else None)
        if nobody is not None:
            self.sentence(_nobody(self._language, after=len(attempts)), Style.BAD)
            self._candidates(nobody, explained=True)

    def _attempt(self, attempt: Mapping[str, Any], number: int | None) -> None:
        failed = attempt.get("outcome") not in ("ok", None) and not attempt.get("beaten")
        for text in _met(attempt, number, self._language):
            self.sentence(text, Style.BAD if failed else Style.PLAIN)
        self.sentence(_why(attempt, self._language))
        if number in (None, 1):
            self.sentence(_request(attempt, self._language))
        self._candidates(attempt, explained=number not in (None, 1))
        for text in _held_against(attempt, self._language):
            self.sentence(text)

    def _candidates(self, choice: Mapping[str, Any], *, explained: bool = False) -> None:
        """The table; `explained`: what its costs mean has been said before."""
        self.lines.append(())
        indent = Span(INDENT)
        rows = candidate_lines(choice, self._language, self._width - len(INDENT), explained=explained)
        self.lines += [(indent, *row) if row else () for row in rows]
        self.lines.append(())


def _title(record: Mapping[str, Any], language: str) -> tuple[str, str]:
    at = str(record.get("at", ""))[:19].replace("T", " ")
    asked = clean(str(record.get("asked_for")))
    return (
        pick(language, ko=f"결정 {clean(str(record.get('id')))}", en=f"Decision {clean(str(record.get('id')))}"),
        pick(language, ko=f"  {at}  요청한 이름: {asked}", en=f"  {at}  asked for: {asked}"),
    )


def _decided(record: Mapping[str, Any], language: str) -> Iterator[str]:
    decision: Mapping[str, Any] | None = record.get("decision")
    if decision is None:
        asked = record.get("asked_for")
        if asked == "auto":
            yield pick(language, ko="아직 결정되지 않았습니다.", en="Nothing has been decided yet.")
        else:
            yield pick(
                language,
                ko=f"요청한 쪽이 답할 곳(“{asked}”)을 지정했으므로 정할 것이 없었습니다.",
                en=f"The caller named “{asked}”, so that nothing had to be decided.",
            )
        return
    yield _to_do(decision, language)
    stage = say(STAGES, str(decision.get("source")), language)
    sure = f"{float(decision.get('confidence') or 0):.0%}"
    reason = decision.get("reason")
    yield pick(
        language,
        ko=f"정한 것: {stage} ({reason}). 확신 {sure}.",
        en=f"Decided by {stage} ({reason}), {sure} sure.",
    )
    fallbacks = ", ".join(decision.get("fallbacks") or ())
    if fallbacks:
        yield pick(
            language,
            ko=f"그 전에 정하지 못한 단계: {fallbacks}.",
            en=f"Tried before, and could not decide: {fallbacks}.",
        )
    for silent in decision.get("silent") or ():
        yield _silently(silent, language)


def _silently(silent: Mapping[str, Any], language: str) -> str:
    stage = say(STAGES, str(silent.get("source")), language)
    what = clean(
        ".".join(str(silent[key]) for key in ("tool", "operation") if silent.get(key)) or str(silent["action"])
    )
    return {
        True: pick(
            language,
            ko=f"지켜보는 중인 단계({stage})도 같은 결정을 했습니다: {what}.",
            en=f"In shadow, {stage} would have decided the same: {what}.",
        ),
        False: pick(
            language,
            ko=f"지켜보는 중인 단계({stage})라면 다르게 정했습니다: {what}.",
            en=f"In shadow, {stage} would have decided otherwise: {what}.",
        ),
        None: pick(
            language,
            ko=f"지켜보는 중인 단계({stage})라면 이렇게 정했습니다: {what}. 견줄 분류 모델의 답은 없습니다.",
            en=f"In shadow, {stage} would have decided: {what}. There is no answer of the classifier to compare.",
        ),
    }[silent.get("agrees")]


def _used(step: Mapping[str, Any], language: str) -> str:
    how = say(TOOL_OUTCOMES, str(step.get("outcome")), language)
    took = duration(float(step.get("total_ms") or 0))
    return f"{step.get('tool')}.{step.get('operation')}: {how} ({took})."


def _to_do(decision: Mapping[str, Any], language: str) -> str:
    match decision.get("action"):
        case "direct":
            return pick(language, ko="바로 답합니다.", en="Answer at once.")
        case "route":
            return pick(language, ko="추론 모델(reasoner)에게 맡깁니다.", en="Hand it to the reasoner.")
        case "clarify":
            return pick(language, ko="되묻습니다.", en="Ask back.")
        case "tools":
            tool = f"{decision.get('tool')}.{decision.get('operation')}"
            return pick(language, ko=f"도구 {tool} 사용.", en=f"Use the tool {tool}.")
        case other:
            return str(other)


def _role(choice: Mapping[str, Any]) -> str:
    return clean(str((choice.get("demand") or {}).get("role", "")))


def _met(attempt: Mapping[str, Any], number: int | None, language: str) -> Iterator[str]:
    """Who was asked, and how that ended."""
    backend, model, outcome = attempt.get("backend"), attempt.get("model"), attempt.get("outcome")
    nth = "" if number is None else f"{number}. "
    if attempt.get("beaten"):
        ending = pick(
            language, ko="나란히 보낸 다른 쪽이 먼저 답해 멈추었습니다", en="was stopped: another one answered first"
        )
    elif outcome is None:
        ending = pick(language, ko="답하는 중입니다", en="is answering")
    else:
        ending = say(ENDINGS, str(outcome), language)
    level = attempt.get("load")
    felt = None if level is None else say(LEVELS, str(level), language)
    was = (
        ""
        if felt is None
        else pick(language, ko=f" 고를 때 부하: {felt}.", en=f" Its load was {felt} when it was chosen.")
    )
    yield pick(
        language,
        ko=f"{nth}{backend} (모델 {model}): {ending}.{was}",
        en=f"{nth}{backend}, with {model}, {ending}.{was}",
    )
    if attempt.get("hedge"):
        yield pick(
            language,
            ko="먼저 보낸 요청의 답이 늦어 나란히 보낸 것입니다.",
            en="It was asked beside another that had not answered yet.",
        )
    if characters := attempt.get("continues_characters"):
        yield pick(
            language,
            ko=f"이미 전해진 {characters:,}자에 이어 답했습니다.",
            en=f"It went on after the {characters:,} characters that had been delivered.",
        )
    waited_ms = attempt.get("waited_ms") or 0
    if waited_ms >= 1:
        waited = duration(waited_ms)
        yield pick(language, ko=f"그 전에 {waited} 기다렸습니다.", en=f"Before that it waited {waited} for a place.")


def _why(attempt: Mapping[str, Any], language: str) -> str:
    backend = attempt.get("backend")
    won = how_it_won(attempt, language)
    why = pick(language, ko=f"{backend} 선택 이유: {won}.", en=f"Why {backend}: {won}.")
    if attempt.get("panic"):
        why += pick(
            language,
            ko=" 온전한 백엔드가 없어, 최근에 실패한 것까지 허용했습니다.",
            en=" Nobody was fit, so that those who failed lately were let in again.",
        )
    return why


def _request(attempt: Mapping[str, Any], language: str) -> str:
    demand = attempt.get("demand") or {}
    prompt, most = demand.get("prompt_tokens") or 0, demand.get("max_tokens")
    parts = [pick(language, ko=f"입력 약 {prompt:,} 토큰", en=f"about {prompt:,} tokens of prompt")]
    if most is not None:
        parts.append(pick(language, ko=f"답변 최대 {most:,} 토큰", en=f"at most {most:,} of answer"))
    if demand.get("stream"):
        parts.append(pick(language, ko="스트림", en="streamed"))
    priority = say(PRIORITIES, str(demand.get("priority", "normal")), language)
    parts.append(pick(language, ko=f"우선순위 {priority}", en=f"priority {priority}"))
    if demand.get("session"):
        parts.append(pick(language, ko="이어지는 대화", en="part of a conversation"))
    return pick(language, ko="요청: ", en="The request: ") + ", ".join(parts) + "."


def _held_against(attempt: Mapping[str, Any], language: str) -> Iterator[str]:
    """What was predicted, and what came."""
    if (attempt.get("demand") or {}).get("stream"):
        first = _compared(attempt.get("predicted_ttft_ms"), attempt.get("first_token_ms"), language)
        if first is not None:
            yield pick(language, ko=f"첫 토큰: {first}.", en=f"First token: {first}.")
    total_ms = attempt.get("total_ms") if attempt.get("outcome") == "ok" else None
    predicted_ms, tokens = attempt.get("predicted_e2e_ms"), attempt.get("output_tokens") or 0
    if predicted_ms is not None and total_ms is not None:
        predicted, came = duration(predicted_ms), duration(total_ms)
        many = pick(language, ko=f" ({tokens:,} 토큰)", en=f" for {tokens:,} tokens") if tokens > 1 else ""
        yield pick(
            language,
            ko=f"전체: 보통 길이의 답이라면 {predicted} 예상, 실제 {came}{many}.",
            en=f"Whole answer: predicted {predicted} for one of usual length, took {came}{many}.",
        )


def _compared(predicted_ms: float | None, came_ms: float | None, language: str) -> str | None:
    if predicted_ms is None or came_ms is None:
        return None
    predicted, came = duration(predicted_ms), duration(came_ms)
    ratio = came_ms / predicted_ms if predicted_ms > 0 else 1.0
    if 1 / CLOSE_RATIO <= ratio <= CLOSE_RATIO:
        return pick(language, ko=f"예상 {predicted}, 실제 {came}", en=f"predicted {predicted}, took {came}")
    return pick(
        language,
        ko=f"예상 {predicted}, 실제 {came} (예상의 {ratio:.1f}배)",
        en=f"predicted {predicted}, took {came} ({ratio:.1f} times as long)",
    )


def _nobody_asked(language: str, *, failed: bool) -> str:
    if failed:
        return pick(language, ko="어느 백엔드에도 보내지 않았습니다.", en="It was sent to no backend.")
    return pick(
        language,
        ko="Maek이 직접 답했습니다. 답을 위해 따로 물어본 백엔드는 없습니다.",
        en="Maek itself: no backend was asked for the answer.",
    )


def _nobody(language: str, after: int) -> str:
    if after:
        return pick(
            language, ko="그다음에 맡을 수 있는 백엔드가 없었습니다.", en="After that, nobody else could serve."
        )
    return pick(language, ko="맡을 수 있는 백엔드가 없었습니다.", en="Nobody could serve.")


def _ended_with(code: str, language: str) -> str:
    meaning = say(ERRORS, code, language)
    return pick(language, ko=f"오류 {code}: {meaning}.", en=f"With the error {code}: {meaning}.")
