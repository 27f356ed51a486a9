import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.tools.documents import ranking
from router.tools.documents.archive import Holdings, Passage, Vectors
from router.tools.documents.ranking import RANKED_PASSAGES, Rankers, fused, ranked
from tests.router.tools.documents.given import Lent, passage

RERANKER, EMBEDDER = Rankers(rerank_role="reranker"), Rankers(embed_role="embedder")
FOUND = [passage(text, title=text) for text in ("가", "나", "다")]


class Keeps:
    """Stands at `Archive`: it keeps these vectors, in the order of the passages, and nothing else."""

    def __init__(self, vectors: Vectors | None = None) -> None:
        self.kept = vectors

    async def holdings(self) -> Holdings:
        raise NotImplementedError

    async def recent(self, _limit: int) -> tuple[()]:
        raise NotImplementedError

    async def passages(self, _query: str, _limit: int) -> tuple[()]:
        raise NotImplementedError

    async def text(self, _doc_id: str) -> None:
        raise NotImplementedError

    async def vectors(self, _passages: object) -> Vectors | None:
        return self.kept


def titles(passages: tuple[Passage, ...]) -> str:
    return "".join(one.document.title for one in passages)


async def test_a_reranker_has_the_last_word() -> None:
    lent = Lent(scores=(0.1, 0.3, 0.2))
    assert titles(await ranked(FOUND, "?", RERANKER, lent, Keeps())) == "나다가"


async def test_what_words_put_far_down_stays_there() -> None:
    many = [passage(str(number), title=f"{number},") for number in range(RANKED_PASSAGES + 2)]
    lent = Lent(scores=range(RANKED_PASSAGES))
    order = await ranked(many, "?", RERANKER, lent, Keeps())
    assert order[0] is many[RANKED_PASSAGES - 1]
    assert list(order[RANKED_PASSAGES:]) == many[RANKED_PASSAGES:]


async def test_meaning_counts_beside_words() -> None:
    lent = Lent(vectors={"질문": (1.0, 0.0)})
    kept = Keeps(Vectors("model", ((0.0, 1.0), (1.0, 0.0), (0.0, -1.0))))
    assert titles(await ranked(FOUND, "질문", EMBEDDER, lent, kept)) == "나가다"
    assert lent.embedded == ["질문"]


@pytest.mark.parametrize("vectors", [(None, None, (1.0, 0.0)), ((1.0,), None, (1.0, 0.0))])
async def test_a_passage_without_a_vector_of_that_length_keeps_its_words_place(vectors: object) -> None:
    lent = Lent(vectors={"질문": (1.0, 0.0)})
    order = await ranked(FOUND, "질문", EMBEDDER, lent, Keeps(Vectors("model", vectors)))  # type: ignore[arg-type]
    assert titles(order) == "가다나"


@pytest.mark.parametrize("rankers", [RERANKER, EMBEDDER, Rankers()])
@pytest.mark.parametrize("lent", [Lent(), Lent(hangs=True)])
async def test_whatever_goes_wrong_the_order_of_the_words_remains(
    monkeypatch: pytest.MonkeyPatch, rankers: Rankers, lent: Lent
) -> None:
    monkeypatch.setattr(ranking, "RANKING_SECONDS", 0.02)
    assert titles(await ranked(FOUND, "?", rankers, lent, Keeps(Vectors("model", ((1.0,),) * 3)))) == "가나다"
    assert titles(await ranked(FOUND, "?", rankers, lent, Keeps())) == "가나다"


@pytest.mark.parametrize("vectors", [None, Vectors("model", (None, None, None))])
async def test_where_no_passage_has_a_vector_the_question_gets_none_either(vectors: Vectors | None) -> None:
    lent = Lent(vectors={})
    assert titles(await ranked(FOUND, "?", EMBEDDER, lent, Keeps(vectors))) == "가나다"
    assert lent.embedded == []


async def test_one_passage_needs_no_order() -> None:
    assert titles(await ranked(FOUND[:1], "?", RERANKER, Lent(), Keeps())) == "가"


@given(st.lists(st.none() | st.floats(-1, 1), max_size=20))
def test_fusing_only_changes_the_order(nearness: list[float | None]) -> None:
    found = [passage(str(number), title=str(number)) for number in range(len(nearness))]
    assert sorted(map(id, fused(found, nearness))) == sorted(map(id, found))


@given(st.integers(1, 20))
def test_where_both_orders_agree_that_is_the_order(many: int) -> None:
    found = [passage(str(number)) for number in range(many)]
    assert fused(found, [-math.log1p(number) for number in range(many)]) == found
