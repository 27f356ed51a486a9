"""Which language a message is in, by itself and within a conversation."""

import pytest

from router.language import accepted_language, closed, is_ko, language_of, language_within, pick


@pytest.mark.parametrize(
    ("text", "alone", "in_korean", "in_english"),
    [
        ("안녕", "ko", "ko", "ko"),
        ("ㅇㅇ", "ko", "ko", "ko"),
        ("ok", "en", "ko", "en"),
        ("OK!", "en", "ko", "en"),
        ("thank you", "en", "ko", "en"),
        ("GPU", "en", "ko", "en"),
        ("ASME Section VIII", "en", "ko", "en"),
        ("README.md LICENSE.txt", "en", "ko", "en"),
        ("2", "xx", "ko", "en"),
        ("👍", "xx", "ko", "en"),
        ("How are you?", "en", "en", "en"),
        ("what's on today", "en", "en", "en"),
        ('please say "hello there"', "en", "en", "en"),
        ("show me the GPU 상태", "ko", "ko", "ko"),
    ],
)
def test_a_word_that_says_little_is_in_the_language_of_the_conversation(
    text: str, alone: str, in_korean: str, in_english: str
) -> None:
    assert language_of(text, "xx") == alone
    assert language_within(text, "ko") == in_korean
    assert language_within(text, "en") == in_english


def test_a_sentence_for_users_is_picked_by_language_and_english_where_it_is_another() -> None:
    assert [pick(language, ko="네", en="yes") for language in ("ko", "en", "fr")] == ["네", "yes", "yes"]


@pytest.mark.parametrize(
    ("word", "is_closed", "said"),
    [("이드", False, "이드예요"), ("일정", True, "일정이에요"), ("Maek", False, "Maek예요")],
)
def test_a_korean_word_takes_the_particle_that_its_end_wants(word: str, is_closed: bool, said: str) -> None:
    assert closed(word) is is_closed
    assert is_ko(word) == said


def test_nothing_ends_with_no_consonant() -> None:
    assert not closed("")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ko", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("KO ; q=0.5, en;q=0.4", "ko"),
        ("ko;q=0, en;q=0.1", "en"),
        ("ko;q=0", "en"),
        ("ko;q=nonsense,en;q=0.1", "en"),
        ("de,fr;q=0.9,*;q=0.5", "en"),
        ("de, ko;q=0.2", "ko"),
    ],
)
def test_the_language_of_a_browser_is_the_one_of_the_two_that_it_wants_more(header: str, language: str) -> None:
    assert accepted_language(header) == language
