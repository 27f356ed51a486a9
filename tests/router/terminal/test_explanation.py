import pytest

from router.balance.policies import PolicyName
from router.decide.decision import Action, Decision, Silent, Source
from router.terminal.candidates import duration
from router.terminal.cells import cells, plain
from router.terminal.explanation import explanation
from sidecar import Outcome
from tests.router.choices import GPU, MINI, NAS, why
from tests.router.terminal.records import attempt, journey, record

ANSWERED = record(journey((attempt(why(GPU, NAS, MINI, won=MINI)), Outcome.OK, 0.62, 2.5)))


def told(said: dict[str, object], language: str = "en", width: int = 100) -> str:
    return "\n".join(plain(line) for line in explanation(said, language, width))


def test_an_answer_in_english() -> None:
    assert (
        told(ANSWERED)
        == """\
Decision 8f9184dcac19a133  2026-02-01 12:00:00  asked for: auto

What to do
  Hand it to the reasoner.
  Decided by a keyword rule (explanation), 100% sure.

Who answers  reasoner
  mini, with gemma4, answered. Its load was normal when it was chosen.
  Why mini: its predicted cost is the lowest: 2.10; next would have been gpu with 16.30.
  The request: about 312 tokens of prompt, at most 16,000 of answer, streamed, priority batch, part
  of a conversation.

         in flight first token     whole      cost
  > mini       1/4      412 ms     3.1 s      2.10
    gpu        3/4        15 s*     24 s*    16.30  loads its model first, silent for too long
    nas   left out: it is down
    Cost is in seconds: the first token twice, the rest, what others lose there, fines for lateness.
    Lowest wins.
    * A guess: hardly anything has been measured there yet.

  First token: predicted 412 ms, took 620 ms (1.5 times as long).
  Whole answer: predicted 3.1 s for one of usual length, took 2.5 s for 42 tokens."""
    )


def test_the_same_in_korean() -> None:
    assert (
        told(ANSWERED, "ko")
        == """\
결정 8f9184dcac19a133  2026-02-01 12:00:00  요청한 이름: auto

무엇을 할지
  추론 모델(reasoner)에게 맡깁니다.
  정한 것: 키워드 규칙 (explanation). 확신 100%.

누가 답하는지  reasoner
  mini (모델 gemma4): 답했습니다. 고를 때 부하: 보통.
  mini 선택 이유: 예상 비용이 가장 낮습니다: 2.10, 다음은 gpu 16.30.
  요청: 입력 약 312 토큰, 답변 최대 16,000 토큰, 스트림, 우선순위 일괄, 이어지는 대화.

           처리 중     첫 토큰      전체      비용
  > mini       1/4      412 ms     3.1 s      2.10
    gpu        3/4        15 s*     24 s*    16.30  모델부터 올려야 함, 토큰이 끊긴 지 오래됨
    nas   제외: 중단되어 있습니다
    비용은 초로 셉니다: 첫 토큰까지의 두 배, 나머지 답변, 남에게 주는 폐, 늦는 벌점. 가장 적은 쪽이
    이깁니다.
    * 아직 거기서 잰 적이 거의 없어 어림한 값입니다.

  첫 토큰: 예상 412 ms, 실제 620 ms (예상의 1.5배).
  전체: 보통 길이의 답이라면 3.1 s 예상, 실제 2.5 s (42 토큰)."""
    )


def test_a_backend_that_failed_and_the_one_that_took_over_are_told_in_order() -> None:
    first = attempt(why(MINI, GPU, won=MINI))
    second = attempt(why(GPU, won=GPU), waited_seconds=1.5)
    text = told(record(journey((first, Outcome.REFUSED, None, 0.1), (second, Outcome.OK, 9.0, 20.0))))
    assert "1. mini, with gemma4, failed: it refused the connection." in text
    assert "2. gpu, with gemma4, answered." in text
    assert "Before that it waited 1.5 s for a place." in text
    assert "Why gpu: it was the only one that could serve." in text


def test_what_was_said_of_the_first_attempt_is_not_said_again() -> None:
    attempts = [attempt(why(MINI, GPU, won=MINI)) for _ in range(3)]
    text = told(record(journey(*((one, Outcome.TIMEOUT, None, 1.0) for one in attempts))))
    assert (text.count("The request:"), text.count("Cost is in seconds"), text.count("> mini")) == (1, 1, 3)


def test_one_that_was_beaten_and_one_that_went_on_are_told_as_such() -> None:
    said = record(journey((attempt(why(MINI, won=MINI), hedge=True), Outcome.CLIENT_GONE, None, 1.0)))
    said["answering"]["attempts"][0] |= {"beaten": True, "continues_characters": 1200}
    text = told(said)
    assert "mini, with gemma4, was stopped: another one answered first." in text
    assert "It was asked beside another that had not answered yet." in text
    assert "It went on after the 1,200 characters that had been delivered." in text


def test_where_nobody_could_serve_everybody_is_told_with_the_reason() -> None:
    text = told(record(journey(nobody=why(NAS)), error="no_backend"))
    assert "Nobody could serve.\n\n    nas  left out: it is down" in text
    assert text.endswith("How it ended\n  With the error no_backend: there was no backend that could answer.")


def test_a_request_that_was_sent_nowhere_is_not_said_to_be_answered() -> None:
    assert "It was sent to no backend." in told(record(error="queue_full"))
    assert "Maek itself: no backend was asked for the answer." in told(record())


def silent(*, agrees: bool | None) -> Silent:
    return Silent(Source.MODEL, Action.DIRECT, None, None, "intent_direct", 0.9, agrees)


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (Decision(Action.DIRECT, Source.RULE, "greeting"), "Answer at once."),
        (Decision(Action.CLARIFY, Source.LLM, "which one"), "Decided by the classifier LLM (which one)"),
        (
            Decision(Action.TOOLS, Source.RULE, "days", tool="calendar", operation="today"),
            "Use the tool calendar.today.",
        ),
        (
            Decision(Action.ROUTE, Source.DEFAULT, "unsure", 0.25, fallbacks=("llm: timeout",)),
            "Decided by the safe default (unsure), 25% sure.\n  Tried before, and could not decide: llm: timeout.",
        ),
        (
            Decision(Action.ROUTE, Source.LLM, "x", silent=(silent(agrees=True),)),
            "would have decided the same: direct.",
        ),
        (
            Decision(Action.ROUTE, Source.LLM, "x", silent=(silent(agrees=False),)),
            "would have decided otherwise: direct.",
        ),
        (
            Decision(Action.ROUTE, Source.LLM, "x", silent=(silent(agrees=None),)),
            "would have decided: direct. There is",
        ),
        (None, "Nothing has been decided yet."),
    ],
)
def test_what_was_decided_and_by_whom(decision: Decision | None, sentence: str) -> None:
    assert sentence in told(record(decision=decision))


def test_who_named_a_role_had_decided_himself() -> None:
    text = told(record(decision=None, asked_for="reasoner"))
    assert "The caller named “reasoner”, so that nothing had to be decided." in text


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (why(MINI, NAS, won=MINI), "Why mini: it was the only one that could serve."),
        (
            why(MINI, GPU._replace(cost=2.1), won=MINI),
            "its predicted cost is the lowest (2.10), the same as that of 1 more; chance decided.",
        ),
        (
            why(MINI, GPU._replace(cost=float("inf")), won=MINI, policy=PolicyName.P2C),
            "Why mini: it is the less busy of two.",
        ),
        (why(MINI, won=MINI, panic=True), "those who failed lately were let in again."),
    ],
)
def test_why_it_won(chosen: object, sentence: str) -> None:
    text = told(record(journey((attempt(chosen), None, None, 0.0))), width=200)  # type: ignore[arg-type]
    assert sentence in text
    assert "is answering." in text


def test_of_a_large_pool_those_who_are_not_shown_are_counted() -> None:
    many = [GPU._replace(candidate=GPU.candidate._replace(backend=f"gpu{number}")) for number in range(60)]
    text = told(record(journey((attempt(why(MINI, *many, NAS, won=MINI)), Outcome.OK, 0.4, 1.0))))
    assert "Not shown: 29 that could serve, 1 down." in text


def test_an_answer_that_is_not_streamed_has_no_first_token_to_be_compared() -> None:
    text = told(record(journey((attempt(why(MINI, won=MINI, stream=False)), Outcome.OK, 2.5, 2.5))))
    assert "First token" not in text
    assert "Whole answer: predicted 3.1 s" in text


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(language: str, width: int) -> None:
    long = MINI._replace(candidate=MINI.candidate._replace(backend="a" * 64))
    said = record(
        journey((attempt(why(long, GPU, NAS, won=long)), Outcome.TIMEOUT, None, 60.0)), error="backend_timeout"
    )
    assert all(cells(line) <= width for line in told(said, language, width).splitlines())


def test_a_server_of_another_version_may_say_less() -> None:
    assert told({"id": "1"}).startswith("Decision 1")
    told({"id": "1", "decision": {"action": "new"}, "answering": {"attempts": [{"backend": "a"}]}})


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0.0, "0 ms"), (412.4, "412 ms"), (1200.0, "1.2 s"), (38_000.0, "38 s"), (240_000.0, "4 min")],
)
def test_durations_are_told_for_people(milliseconds: float, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["Tools used", "  email.search: answered (1.2 s).", "  infra.disk: did not answer in time (20 s)."]),
        ("ko", ["쓴 도구", "  email.search: 답했습니다 (1.2 s).", "  infra.disk: 제시간에 답하지 않았습니다 (20 s)."]),
    ],
)
def test_the_tools_that_were_used_are_told_with_how_each_ended(language: str, said: list[str]) -> None:
    steps = [
        {"tool": "email", "operation": "search", "outcome": "ok", "total_ms": 1234.0},
        {"tool": "infra", "operation": "disk", "outcome": "timeout", "total_ms": 20_000.0},
    ]
    lines = told(ANSWERED | {"tools": steps}, language).splitlines()
    at = lines.index(said[0])
    assert lines[at : at + 3] == said
