"""What the codes of Maek's JSON are called in a terminal, in Korean and English.

Rules of this file
- Data. A code that is not here is shown as it is: the server may be newer than this command.
- Short forms go into tables, long ones into sentences.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from router.language import Language


class Word(NamedTuple):
    """One thing in both languages."""

    ko: str
    en: str


Words = Mapping[str, Word]


def say(words: Words, code: str, language: str) -> str:
    """What a code is called; the code itself where nobody has named it."""
    word = words.get(code)
    if word is None:
        return code.replace("_", " ")
    return word.ko if language == Language.KO else word.en


def language_of_terminal(environ: Mapping[str, str] = os.environ) -> Language:
    """Korean where the locale is Korean, else English."""
    chosen = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return Language.KO if chosen.startswith("ko") else Language.EN


LEVELS: Words = {
    "free": Word("여유", "free"),
    "normal": Word("보통", "normal"),
    "busy": Word("바쁨", "busy"),
    "very_busy": Word("매우 바쁨", "very busy"),
    "unavailable": Word("사용 불가", "unavailable"),
}
SIGNALS: Words = {
    "slowdown": Word("지연 배수", "slower"),
    "silence": Word("무응답", "silent"),
    "active_jobs": Word("작업", "jobs"),
    "in_flight": Word("전송", "sent"),
    "waiting": Word("대기", "waiting"),
    "kv_usage": Word("KV", "kv"),
    "inference_latency": Word("추론", "infer"),
    "health_latency": Word("헬스", "health"),
    "probe_age": Word("점검", "probe"),
    "queue": Word("큐", "queue"),
}
"""What sets a level, in a word that fits beside it."""

SIGNAL_NAMES: Words = {
    "slowdown": Word("평소 대비", "slowdown"),
    "silence": Word("응답 없음", "silence"),
    "active_jobs": Word("서버의 작업", "active jobs"),
    "in_flight": Word("처리 중", "in flight"),
    "waiting": Word("대기", "waiting"),
    "kv_usage": Word("KV 사용률", "kv usage"),
    "inference_latency": Word("추론 지연", "inference latency"),
    "health_latency": Word("헬스 지연", "health latency"),
    "probe_age": Word("점검한 지", "probe age"),
    "queue": Word("작업 큐", "queue"),
}

STATES: Words = {
    "unknown": Word("확인 전", "not probed"),
    "up": Word("정상", "up"),
    "down": Word("중단", "down"),
    "loading": Word("모델 로딩", "loading"),
    "sleeping": Word("잠듦", "asleep"),
    "suspended": Word("재워 둠", "suspended"),
    "draining": Word("비우는 중", "draining"),
    "open": Word("차단", "circuit open"),
    "half_open": Word("시험 중", "on trial"),
    "resting": Word("쉬는 중", "resting"),
}

PROBES: Words = {
    "refused": Word("연결 거부", "refused"),
    "connect_timeout": Word("연결 시간 초과", "no connection"),
    "read_timeout": Word("응답 없음", "no answer"),
    "bad_status": Word("잘못된 상태", "bad status"),
    "bad_body": Word("잘못된 본문", "bad body"),
}

OUTCOMES: Words = {
    "ok": Word("성공", "ok"),
    "backend_error": Word("서버 오류", "server error"),
    "refused": Word("연결 거부", "refused"),
    "truncated": Word("끊김", "cut off"),
    "timeout": Word("시간 초과", "timeout"),
    "silent": Word("무응답", "silent"),
    "overlong": Word("너무 긺", "too long"),
    "rejected": Word("가득 참", "full"),
    "caller_error": Word("요청 오류", "bad request"),
    "client_gone": Word("떠남", "client left"),
}
ENDINGS: Words = {
    "ok": Word("답했습니다", "answered"),
    "backend_error": Word(
        "실패했습니다: 서버가 오류를 내거나 엉뚱한 답을 했습니다",
        "failed: the server answered with an error or with nonsense",
    ),
    "refused": Word("실패했습니다: 연결을 거부했습니다", "failed: it refused the connection"),
    "truncated": Word("실패했습니다: 답이 중간에 끊겼습니다", "failed: its answer broke off"),
    "timeout": Word(
        "실패했습니다: 정해진 시간 안에 답이 오지 않았습니다", "failed: nothing came within the time allowed"
    ),
    "silent": Word(
        "아무 말이 없는 사이 나중에 물어본 백엔드가 먼저 답했습니다",
        "said nothing until another one, asked later, had answered",
    ),
    "overlong": Word("답이 너무 길어 시간 제한에 걸렸습니다", "was still answering when the time was over"),
    "rejected": Word("받지 않았습니다: 가득 찼다고 했습니다", "did not take it: it said that it is full"),
    "caller_error": Word("요청이 잘못되었다며 거절했습니다", "refused the request itself"),
    "client_gone": Word("답하는 중에 요청한 쪽이 떠났습니다", "was stopped: the client left"),
}
"""How an attempt ended, after the name of its backend."""

EXCLUSIONS: Words = {
    "gone": Word("설정에서 빠졌습니다", "no longer configured"),
    "down": Word("중단되어 있습니다", "it is down"),
    "loading": Word("모델을 올리는 중입니다", "it is still loading its model"),
    "suspended": Word("운영자가 재워 두었습니다", "its operator has put it to sleep"),
    "draining": Word("비우는 중이라 새 요청을 받지 않습니다", "it is being drained and gets nothing new"),
    "unproven": Word("아직 한 번도 확인되지 않았습니다", "it has not been probed yet, while others are up"),
    "tried": Word("이 요청에서 이미 실패했습니다", "it has already failed this request"),
    "circuit_open": Word("최근에 실패해서 잠시 쉬게 둡니다", "it failed lately and is left alone for a moment"),
    "warming": Word("막 돌아와서 조금씩만 맡깁니다", "it is just back and gets its share little by little"),
    "resting": Word("가득 찼다고 해서 그때까지 쉽니다", "it said that it is full, and until when"),
}

COUNTED: Words = {
    "able": Word("맡을 수 있음", "that could serve"),
    "gone": Word("설정에서 빠짐", "no longer configured"),
    "down": Word("중단", "down"),
    "loading": Word("모델 로딩", "loading"),
    "suspended": Word("재워 둠", "suspended"),
    "draining": Word("비우는 중", "draining"),
    "unproven": Word("확인 전", "not probed"),
    "tried": Word("이미 실패함", "already tried"),
    "circuit_open": Word("차단", "with an open circuit"),
    "warming": Word("복귀 중", "just back"),
    "resting": Word("쉬는 중", "resting"),
}
"""Those who were considered and are not shown, after their number."""

POLICIES: Words = {
    "predicted": Word(
        "비용은 초로 셉니다: 첫 토큰까지의 두 배, 나머지 답변, 남에게 주는 폐, 늦는 벌점. 가장 적은 쪽이 이깁니다.",
        "Cost is in seconds: the first token twice, the rest, what others lose there, fines for lateness. Lowest wins.",
    ),
    "least_in_flight": Word("비용은 처리 중인 요청 수입니다.", "Cost is the number of requests in flight there."),
    "weighted": Word("비용은 가중치로 나눈 요청 수입니다.", "Cost is the number of requests for each unit of weight."),
    "p2c": Word(
        "무작위로 고른 둘 중 요청이 적은 쪽이 이깁니다.", "Two were drawn at random; the one with fewer requests won."
    ),
    "round_robin": Word("차례대로 돌아갑니다.", "They take turns; cost is how many turns away it is."),
    "priority": Word("자리가 있는 첫 번째 단(tier)이 이깁니다.", "The first tier that has room wins."),
    "pin": Word("한 대화는 한 백엔드에 머뭅니다.", "One conversation stays on one backend."),
}
"""What the cost of a policy means."""

WON_BY: Words = {
    "predicted": Word("예상 비용이 가장 낮습니다", "its predicted cost is the lowest"),
    "least_in_flight": Word("처리 중인 요청이 가장 적습니다", "it has the fewest requests in flight"),
    "weighted": Word("가중치에 비해 요청이 가장 적습니다", "it has the fewest requests for its weight"),
    "p2c": Word("둘 중 덜 바쁩니다", "it is the less busy of two"),
    "round_robin": Word("차례가 되었습니다", "it is its turn"),
    "priority": Word("자리가 있는 첫 번째 단입니다", "it is in the first tier that has room"),
    "pin": Word("이 대화가 머무는 곳입니다", "the conversation lives there"),
}

STAGES: Words = {
    "rule": Word("키워드 규칙", "a keyword rule"),
    "model": Word("내장 모델", "the embedded model"),
    "llm": Word("분류 LLM", "the classifier LLM"),
    "default": Word("기본값", "the safe default"),
}

TOOL_OUTCOMES: Words = {
    "ok": Word("답했습니다", "answered"),
    "failed": Word("할 수 없다고 했습니다", "said that it could not"),
    "invalid": Word("부르기 전에 값이 거절되었습니다", "its parameters were refused before the call"),
    "timeout": Word("제시간에 답하지 않았습니다", "did not answer in time"),
    "unreachable": Word("연결되지 않았습니다", "could not be reached"),
    "broken": Word("고장이 났습니다. 로그에 자세한 내용이 있습니다", "is broken; the log has the details"),
}

PRIORITIES: Words = {
    "interactive": Word("대화형", "interactive"),
    "normal": Word("보통", "normal"),
    "batch": Word("일괄", "batch"),
}

ERRORS: Words = {
    "backend_failed": Word(
        "백엔드가 거부하거나 끊거나 엉뚱한 답을 했습니다", "the backend refused, broke off or answered nonsense"
    ),
    "backend_truncated": Word("답이 끝나기 전에 끊겼습니다", "the answer stopped before its end"),
    "backend_rejected": Word("백엔드가 가득 찼다고 했습니다", "the backend said that it is full"),
    "backend_timeout": Word(
        "정해진 시간 안에 답이 오지 않았습니다", "nothing came within the time that the role allows"
    ),
    "no_backend": Word("답할 수 있는 백엔드가 없었습니다", "there was no backend that could answer"),
    "queue_full": Word("기다리는 줄이 가득 찼습니다", "the line of those who wait was full"),
    "queue_timeout": Word("차례를 너무 오래 기다렸습니다", "it waited too long for its turn"),
    "overloaded": Word("요청이 너무 많아 받지 못했습니다", "there were too many requests to take it"),
    "caller_refused": Word("백엔드가 요청 자체를 거절했습니다", "the backend refused the request itself"),
    "unauthorized": Word("키가 없거나 알 수 없는 키입니다", "there was no key, or one that is not known"),
    "not_found": Word("그런 것이 없습니다", "there is no such thing"),
    "method_not_allowed": Word("이 경로에서 쓸 수 없는 방법입니다", "the path does not take that method"),
    "too_large": Word("요청이 너무 큽니다", "the request was too large"),
    "bad_request": Word("요청이 잘못되었습니다", "the request was wrong"),
    "unknown_model": Word("그런 이름의 모델이나 역할이 없습니다", "there is no model or role of that name"),
    "tool_failed": Word("도구가 요청을 처리하지 못했습니다", "a tool could not do what was asked"),
    "internal": Word("Maek 내부 오류입니다. 로그에 자세한 내용이 있습니다", "a bug in Maek; its log has the details"),
    "session_busy": Word(
        "같은 대화에서 기다리는 메시지가 너무 많았습니다", "too many messages of the same conversation were waiting"
    ),
    "turn_timeout": Word(
        "너무 오래 걸려 다음 메시지를 먼저 받았습니다", "it took so long that the next message was let in"
    ),
    "job_store_failed": Word("작업 저장소를 읽거나 쓸 수 없습니다", "the job store cannot be read or written"),
    "idempotency_key_reused": Word(
        "같은 Idempotency-Key로 다른 내용을 보냈습니다", "an Idempotency-Key came again with another body"
    ),
    "session_store_failed": Word("대화 저장소를 읽거나 쓸 수 없습니다", "the session store cannot be read or written"),
}
