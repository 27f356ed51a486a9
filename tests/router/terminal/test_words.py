from collections.abc import Iterable, Iterator

import pytest

from router.balance.demand import Priority
from router.balance.policies import PolicyName
from router.balance.seen import Exclusion
from router.decide.decision import Source
from router.errors import MaekError, ToolOutcome
from router.jobs.database import JobStoreFailed
from router.jobs.store import KeyReused
from router.sessions.store import SessionStoreFailed
from router.terminal import words
from router.terminal.words import Words, language_of_terminal, say
from sidecar import Level, Outcome
from sidecar.facts import ProbeOutcome
from sidecar.levels import Signal

CALLER_REFUSED = "caller_refused"
"""What the log of decisions says where a backend refused the request itself: that has no class of its own."""
STATES_OF_PROBES = {ProbeOutcome.OK, ProbeOutcome.LOADING, ProbeOutcome.SLEEPING, ProbeOutcome.SUSPENDED}


def codes_below(kind: type[MaekError]) -> Iterator[str]:
    """Every code of an error."""
    if "code" in vars(kind):
        yield kind.code
    for child in kind.__subclasses__():
        yield from codes_below(child)


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (words.LEVELS, [level.label for level in Level]),
        (words.SIGNALS, Signal),
        (words.SIGNAL_NAMES, Signal),
        (words.PROBES, set(ProbeOutcome) - STATES_OF_PROBES),
        (words.OUTCOMES, Outcome),
        (words.ENDINGS, Outcome),
        (words.EXCLUSIONS, Exclusion),
        (words.COUNTED, ["able", *Exclusion]),
        (words.POLICIES, PolicyName),
        (words.WON_BY, PolicyName),
        (words.STAGES, Source),
        (words.TOOL_OUTCOMES, ToolOutcome),
        (words.PRIORITIES, [priority.name.lower() for priority in Priority]),
        (
            words.ERRORS,
            {*codes_below(MaekError), SessionStoreFailed.code, JobStoreFailed.code, KeyReused.code, CALLER_REFUSED},
        ),
    ],
)
def test_everything_that_maek_may_say_has_a_word_and_nothing_else(table: Words, codes: Iterable[str]) -> None:
    assert set(table) == set(map(str, codes))


def test_a_code_of_a_newer_server_is_shown_as_it_is() -> None:
    assert say(words.LEVELS, "quite_busy", "ko") == "quite busy"


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ko"}, "ko"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_locale_says_the_language(environ: dict[str, str], language: str) -> None:
    assert language_of_terminal(environ) == language
