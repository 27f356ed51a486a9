from collections.abc import Sequence
from dataclasses import replace

import pytest

from router.decide.intent.labels import Label
from router.learning.anchors import anchors
from router.learning.fitting import fit
from router.learning.lessons import Lesson
from router.learning.trial import FEWEST, FOLDS, Accept, Tally, Trial, tried
from tests.router.learning.given import HOUSE, MODEL, sure


def trial_of(lessons: Sequence[Lesson], accept: Accept = sure) -> Trial:
    *signs_of_life, trial = tried(lessons, anchors(), MODEL, accept)
    assert signs_of_life == [None] * FOLDS
    assert trial is not None
    return trial


def test_an_overlay_that_decides_more_and_as_rightly_has_no_objection() -> None:
    trial = trial_of(HOUSE)
    assert trial.objection is None
    assert trial.after.right > trial.before.right + 20
    assert trial.after.wrong <= trial.before.wrong


def test_messages_confirmed_at_random_are_refused() -> None:
    shuffled = [Lesson(one.text, Label.DIRECT if number % 2 else Label.MAIL_QUERY) for number, one in enumerate(HOUSE)]
    assert trial_of(shuffled).objection is not None


def test_too_few_messages_tell_nothing() -> None:
    assert f"it takes {FEWEST}" in str(trial_of(HOUSE[: FEWEST - 1]).objection)


@pytest.mark.parametrize("count", [1, 7])
def test_a_house_of_few_messages_can_be_tried_as_well(count: int) -> None:
    assert trial_of(HOUSE[:count]).after.lessons == count


GOOD = Tally(lessons=100, in_scope=80, accepted=50, right=49)
NONE = Tally(lessons=100, in_scope=80, accepted=0, right=0)
BETTER = Trial(GOOD, replace(GOOD, accepted=60, right=59), GOOD, GOOD)


def test_the_boundaries_of_what_is_objected_to() -> None:
    assert BETTER.objection is None
    assert "98.0%" in str(replace(BETTER, after=replace(GOOD, accepted=60, right=58)).objection)
    assert "everyday" in str(replace(BETTER, anchors_after=replace(GOOD, accepted=51, right=49)).objection)
    assert "no better" in str(replace(BETTER, after=GOOD).objection)
    assert "no better" in str(replace(BETTER, after=NONE).objection) or replace(BETTER, after=NONE).objection is None
    assert replace(BETTER, before=NONE, after=replace(GOOD, accepted=100, right=97)).objection is None
    assert "the shipped model is in none" in str(
        replace(BETTER, before=NONE, after=replace(GOOD, accepted=100, right=96)).objection
    )


def test_fewer_mistakes_are_better_though_no_more_is_decided() -> None:
    assert replace(BETTER, after=replace(GOOD, accepted=49, right=49)).objection is None


def test_the_everyday_messages_are_there_in_every_kind() -> None:
    kinds = {anchor.label for anchor in anchors()}
    assert len(anchors()) >= 500
    assert kinds == {
        Label.DIRECT,
        Label.CALENDAR_QUERY,
        Label.CALENDAR_CREATE,
        Label.MAIL_QUERY,
        Label.MAIL_SEND,
        Label.OTHER,
    }


def test_a_message_is_judged_by_an_overlay_that_has_not_seen_it() -> None:
    # Each pair shares a word that nobody else has: whoever has seen one of them only can know nothing of it.
    words = [
        f"{chr(0xB200 + 97 * number)}{chr(0xD000 + 53 * number)}{chr(0xAC00 + 211 * number)}" for number in range(30)
    ]
    pairs = [
        Lesson(f"{word}{'가' if one else '나'}", Label.DIRECT if number % 2 else Label.MAIL_SEND)
        for number, word in enumerate(words)
        for one in (True, False)
    ]
    seen_all = MODEL.with_overlay(fit(pairs, MODEL))
    learned_by_heart = sum(seen_all.guess(pair.text).label is pair.label for pair in pairs)
    known = trial_of(pairs, lambda model, text: model.guess(text).label).after.right
    assert known < 0.7 * learned_by_heart
