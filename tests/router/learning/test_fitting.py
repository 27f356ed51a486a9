import pytest

from router.decide.intent.labels import Label
from router.learning.fitting import fit
from router.learning.lessons import Lesson
from tests.router.learning.given import HOUSE, MODEL, sure

LEARNED = MODEL.with_overlay(fit(HOUSE, MODEL))


def test_the_words_of_a_house_are_learned_and_carry_over_to_new_messages() -> None:
    assert sure(MODEL, "수요일에 콜 몇 개고") is None
    assert sure(LEARNED, "수요일에 콜 몇 개고") is Label.CALENDAR_QUERY


@pytest.mark.parametrize("text", ["보드 재부팅 해라", "콜센터 번호 뭐고", "주말에 뭐 먹노"])
def test_messages_beside_them_are_still_left_alone(text: str) -> None:
    assert sure(LEARNED, text) is None


@pytest.mark.parametrize("text", ["양자역학 설명해줘", "turn off the lights", "the quick brown fox", ""])
def test_a_message_without_a_learned_piece_is_guessed_as_before(text: str) -> None:
    assert LEARNED.guess(text).probability == pytest.approx(MODEL.guess(text).probability, abs=0.05)


def test_the_same_lessons_give_the_same_overlay_in_whatever_order_they_were_confirmed() -> None:
    assert fit(HOUSE, MODEL) == fit(HOUSE[::-1], MODEL)


def test_what_occurs_in_one_message_only_is_not_learned_by_heart() -> None:
    overlay = fit([Lesson("개굴개굴 청개구리", Label.DIRECT)], MODEL)
    assert overlay.weights == {}


def test_the_likelihood_of_a_kind_of_message_in_general_is_not_learned() -> None:
    assert set(fit(HOUSE, MODEL).biases) == {0.0}


def test_learning_on_top_of_learning_starts_from_the_shipped_model() -> None:
    assert fit(HOUSE, LEARNED) == fit(HOUSE, MODEL)


def test_other_lessons_have_another_version() -> None:
    assert fit(HOUSE, MODEL).version != fit(HOUSE[:30], MODEL).version
