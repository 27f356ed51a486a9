import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.documents.query import (
    MOST_TERMS,
    SNIPPET_CHARACTERS,
    Term,
    fts_expression,
    like_pattern,
    rarity,
    snippet,
    terms_of,
    weigh,
)


def words(query: str) -> list[str]:
    return [term.text for term in terms_of(query)]


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("함수를", ["함수"]),
        ("공장에서는 사고가", ["공장", "사고"]),
        ("회의", ["회의"]),
        ("보관해", ["보관"]),
        ("설치하나요", ["설치"]),
        ("게시되는", ["게시"]),
        ("유해", ["유해"]),
        ("회의가", ["회의"]),
        ("산업안전보건법 제6장 내용이 뭐야", ["산업안전보건법", "제6장"]),
        ("제 6 장의 조치", ["제6장", "조치"]),
        ("위험성평가 절차 알려줘", ["위험성평", "절차"]),  # 가 may be a particle; 위험성평 finds 위험성평가
        ("ASME Section VIII 관련 자료", ["asme", "section", "viii"]),
        ("UG-27 B31.1", ["ug-27", "b31.1"]),
        ("법", ["법"]),
        ("법 서류", ["서류"]),
        ("뭐야", ["뭐야"]),
        ("문서 찾아줘", ["문서", "찾아줘"]),
        ('" OR * NEAR(', ["near"]),
        ("ｆｕｌｌ함수", ["full함수"]),
        ("?!", []),
        ("", []),
    ],
)
def test_a_question_is_its_words_without_particles_and_asking(query: str, terms: list[str]) -> None:
    assert words(query) == terms


def test_a_pasted_page_is_searched_by_its_first_words() -> None:
    assert len(terms_of(" ".join(f"word{number}" for number in range(100)))) == MOST_TERMS


@given(st.text())
def test_the_bare_form_begins_the_whole_one(query: str) -> None:
    assert all(term.whole.startswith(term.text) and term.text for term in terms_of(query))


@given(st.one_of(st.text(), st.text(alphabet='"*()^:{}-+. ANDORNTE가나다')))
def test_no_question_is_syntax_to_sqlite(query: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(x, tokenize = 'trigram')")
    expression = fts_expression(terms_of(query))
    if expression is not None:
        assert connection.execute("SELECT * FROM t WHERE t MATCH ?", (expression,)).fetchall() == []
    connection.close()


@given(st.text(min_size=1, max_size=8).filter(lambda text: "\0" not in text))
def test_a_pattern_finds_the_text_itself_whatever_is_in_it(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    query = "SELECT ? LIKE ? ESCAPE '\\', 'nothing of it' LIKE ? ESCAPE '\\'"
    found, other = connection.execute(query, (f"a{text}b", like_pattern(text), like_pattern(f"{text}%_q"))).fetchone()
    connection.close()
    assert (found, other) == (1, 0)


def test_a_compound_is_also_looked_for_by_its_pieces() -> None:
    assert fts_expression(terms_of("안전보건법")) == '"안전보건법" OR "안전보" OR "전보건" OR "보건법"'
    assert fts_expression(terms_of("서류")) is None


def weighed(query: str, text: str, heading: str = "", title: str = "") -> tuple[float, float]:
    terms = terms_of(query)
    found = weigh(terms, {term.text: 1.0 for term in terms}, title, heading, text, 100.0)
    return found.score, found.coverage


def test_a_passage_that_says_more_of_the_question_is_nearer() -> None:
    assert weighed("서류 보존", "서류를 보존한다") > weighed("서류 보존", "서류 서류 서류 서류")


def test_a_heading_counts_more_than_the_text_and_a_title_too() -> None:
    assert weighed("서류", "", heading="서류") > weighed("서류", "서류")
    assert weighed("서류", "", title="서류") > weighed("서류", "")


def test_a_word_as_it_was_written_counts_more_than_one_that_begins_like_it() -> None:
    assert weighed("전문가", "전문가 회의") > weighed("전문가", "전문 서적")


def test_a_compound_written_apart_counts_one_in_pieces_in_part_and_half_a_word_not_at_all() -> None:
    assert weighed("안전보건교육", "안전보건 교육")[1] == weighed("안전보건교육", "안전보건교육")[1]
    assert 0 < weighed("안전보건교육", "안전보건에 대한 교육")[1] < weighed("안전보건교육", "안전보건교육")[1]
    assert weighed("안전보건교육", "안전") == (0.0, 0.0)
    assert weighed("", "안전") == (0.0, 0.0)


def test_a_word_that_is_everywhere_tells_little_and_never_less_than_nothing() -> None:
    assert rarity(100, 1) > rarity(100, 50) > rarity(100, 100) > 0
    assert rarity(100, 0) < rarity(100, 1)


def test_a_snippet_is_where_the_words_are_and_marks_them() -> None:
    text = "앞 " * 300 + "서류를 보존한다 " + "뒤 " * 300
    found = snippet(text, terms_of("서류 보존"))
    assert "**서류**를 **보존**한다" in found
    assert found.startswith("…")
    assert found.endswith("…")
    assert len(found) <= SNIPPET_CHARACTERS + 20


@given(st.text(), st.text())
def test_a_snippet_says_nothing_that_the_text_does_not(text: str, query: str) -> None:
    found = snippet(text, terms_of(query)).replace("**", "").replace("…", "")
    assert found.split() <= [*found.split(), *text.split()]
    assert "".join(found.split()) in "".join(text.replace("**", "").replace("…", "").split())


def test_a_snippet_without_any_word_is_the_beginning() -> None:
    assert snippet("가나다", ()) == "가나다"
    assert snippet("가나다", (Term("라", "라"),)) == "가나다"
    assert Term("라", "라").grams == ()


def test_a_word_outside_a_snippet_is_not_marked_in_it() -> None:
    assert snippet("서류 " + "빈칸 " * 200 + "보존", terms_of("서류 보존")).count("**") == 2
