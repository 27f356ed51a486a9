"""What one listener is told, and when."""

from datetime import UTC, datetime
from typing import Any

from router.decisions import MOST_RECORDS, DecisionLog
from router.web.history import History, Look
from router.web.live import Picture
from router.web.telling import MOST_DECISIONS, News, Telling

AT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
CHATS = {"active": 0, "total": 0, "waiting": 0}


def picture(**in_flight: int) -> Picture:
    """Backends with so many requests in flight."""
    return Picture({name: {"name": name, "in_flight": many} for name, many in in_flight.items()}, {"reasoner": ()})


def told(news: Any) -> list[News]:
    """All of it."""
    return list(news)


def test_at_first_everything_is_told_then_what_has_changed_and_then_nothing() -> None:
    telling = Telling()
    ((_, first),) = telling.fleet(picture(a=0, b=0), CHATS)
    ((_, second),) = telling.fleet(picture(a=0, b=1), CHATS)
    assert [one["name"] for one in first["changed"]] == ["a", "b"]
    assert second["changed"] == [{"name": "b", "in_flight": 1}]
    assert told(telling.fleet(picture(a=0, b=1), CHATS)) == []


def test_a_backend_that_is_gone_is_told_by_the_names_that_are_left() -> None:
    telling = Telling()
    told(telling.fleet(picture(a=0, b=0), CHATS))
    ((name, news),) = telling.fleet(picture(a=0), CHATS)
    assert (name, news["names"], news["changed"]) == ("fleet", ["a"], [])


def test_how_many_chat_is_told_without_any_backend() -> None:
    telling = Telling()
    told(telling.fleet(picture(a=0), CHATS))
    ((_, news),) = telling.fleet(picture(a=0), CHATS | {"active": 1})
    assert (news["chats"]["active"], news["changed"]) == (1, [])


def test_the_history_is_told_once_for_each_look() -> None:
    telling, history = Telling(), History()
    assert [name for name, _ in telling.history(history)] == ["history"]
    assert told(telling.history(history)) == []
    history.look(0, [Look("a", 1, 2, None)])
    ((_, news),) = telling.history(history)
    assert news["backends"]["a"]["in_flight"] == [2]


def test_decisions_are_told_when_they_are_new_and_when_they_go_on() -> None:
    telling, log = Telling(), DecisionLog()
    first, second = log.begin(AT, "me", "auto"), log.begin(AT, "me", "reasoner")
    ((_, news),) = telling.decisions(log, "me")
    assert [one["id"] for one in news["changed"]] == [first.id, second.id]
    first.error = "no_backend"
    ((_, news),) = telling.decisions(log, "me")
    assert [(one["id"], one["error"]) for one in news["changed"]] == [(first.id, "no_backend")]
    assert told(telling.decisions(log, "me")) == []


def test_nobody_is_told_of_another_owner() -> None:
    log = DecisionLog()
    log.begin(AT, "somebody", "auto")
    assert told(Telling().decisions(log, "me")) == []


def test_of_many_decisions_the_latest_are_told() -> None:
    log = DecisionLog()
    ids = [log.begin(AT, "me", "auto").id for _ in range(MOST_RECORDS + 5)]
    ((_, news),) = Telling().decisions(log, "me")
    assert [one["id"] for one in news["changed"]] == ids[-MOST_DECISIONS:]
