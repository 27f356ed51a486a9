import asyncio
import fcntl
import logging
import sqlite3
from pathlib import Path

import pytest

from router.documents import embedding
from router.documents.embedding import embed_missing
from router.documents.index import asking
from router.documents.keeping import keep_fresh
from router.documents.local import LocalArchive
from router.tools.documents.archive import Vectors
from tests.fakes.routers import config_for
from tests.router.documents.given import LAW, archive_over, put, refreshed
from tests.router.tools.documents.given import Lent

EAST = (1.0, 0.0)


class Serving(Lent):
    """Runs these models, whatever the role."""

    models: tuple[str, ...] = ("model",)

    def serving(self, _role: str) -> tuple[str, ...]:
        return self.models


@pytest.fixture
def archive(tmp_path: Path) -> LocalArchive:
    made = archive_over(tmp_path)
    put(made, "law.md", LAW)
    refreshed(made)
    return made


def kept(archive: LocalArchive) -> int:
    """How many vectors are in the index."""
    with asking(archive.index, str(archive.folder.root)) as index:
        assert index is not None
        return index.count_vectors()


async def vectors(archive: LocalArchive, query: str) -> Vectors | None:
    return await archive.vectors(await archive.passages(query, 5))


async def test_every_passage_gets_a_vector_once(archive: LocalArchive) -> None:
    lent = Serving(vectors={"서류의 보존": EAST})
    assert await vectors(archive, "서류") is None
    assert await embed_missing(archive, lent, "embedder") == kept(archive) == 3
    assert await embed_missing(archive, lent, "embedder") == 0
    assert len(lent.embedded) == 3
    known = await vectors(archive, "서류 보존")
    assert known is not None
    assert known.model == "model"
    assert [tuple(one or ()) for one in known.of] == [EAST]


async def test_only_what_changed_is_embedded_again_and_what_is_gone_is_forgotten(archive: LocalArchive) -> None:
    lent = Serving(vectors={})
    await embed_missing(archive, lent, "embedder")
    put(archive, "law.md", LAW.replace("3년간", "5년간"))
    put(archive, "copy.md", LAW.replace("3년간", "5년간"))
    refreshed(archive)
    lent.embedded.clear()
    assert await embed_missing(archive, lent, "embedder") == 1
    assert "5년간" in lent.embedded[0]
    assert kept(archive) == 3


async def test_it_goes_on_where_it_stopped(archive: LocalArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "BATCH_TEXTS", 2)

    class Tires(Serving):
        async def embed(self, role: str, model: str, texts: object) -> tuple[tuple[float, ...], ...]:
            if self.embedded:
                self.vectors = None
            return await super().embed(role, model, texts)  # type: ignore[arg-type]

    assert await embed_missing(archive, Tires(vectors={}), "embedder") == kept(archive) == 2
    assert await embed_missing(archive, Serving(vectors={}), "embedder") == 1


async def test_the_model_of_the_vectors_is_gone_on_with_as_long_as_somebody_runs_it(archive: LocalArchive) -> None:
    lent = Serving(vectors={})
    await embed_missing(archive, lent, "embedder")
    lent.models = ("other", "model")
    assert await embed_missing(archive, lent, "embedder") == 0
    lent.models = ("other",)
    assert await embed_missing(archive, lent, "embedder") == 3
    known = await vectors(archive, "서류")
    assert known is not None
    assert known.model == "other"


async def test_vectors_of_another_length_are_another_models(archive: LocalArchive) -> None:
    await embed_missing(archive, Serving(vectors={}), "embedder")
    put(archive, "new.md", "새 문서")
    refreshed(archive)
    await embed_missing(archive, Serving(vectors={"": (1.0, 0.0, 0.0)}), "embedder")
    known = await vectors(archive, "서류")
    assert known is not None
    assert {len(one or ()) for one in known.of} == {3}


async def test_there_are_not_more_than_the_bound(archive: LocalArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "MOST_VECTORS", 2)
    assert await embed_missing(archive, Serving(vectors={}), "embedder") == kept(archive) == 2
    known = await vectors(archive, "서류")
    assert known is not None


@pytest.mark.parametrize(
    ("lent", "said"),
    [(Serving(), "nobody answers"), (Serving(vectors={}, hangs=True), "no answer in 0.02 s")],
)
async def test_whatever_goes_wrong_is_told_to_the_log(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lent: Serving, said: str
) -> None:
    monkeypatch.setattr(embedding, "BATCH_SECONDS", 0.02)
    with caplog.at_level(logging.INFO):
        assert await embed_missing(archive, lent, "embedder") == 0
    assert said in caplog.text
    assert (await archive.passages("서류 보존", 1))[0].document.path == "law.md"


async def test_an_index_that_cannot_be_written_is_told_to_the_log(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Spoils(Serving):
        async def embed(self, role: str, model: str, texts: object) -> tuple[tuple[float, ...], ...]:
            with sqlite3.connect(archive.index) as connection:
                connection.execute("DROP TABLE vectors")
            return await super().embed(role, model, texts)  # type: ignore[arg-type]

    assert await embed_missing(archive, Spoils(vectors={}), "embedder") == 0
    assert "documents not embedded file=" in caplog.text


async def test_while_another_process_writes_nothing_is_embedded(
    archive: LocalArchive, caplog: pytest.LogCaptureFixture
) -> None:

    with archive.index.with_suffix(".lock").open("w") as lock, caplog.at_level(logging.INFO):
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert await embed_missing(archive, Serving(vectors={}), "embedder") == 0
    assert "indexed by another process" in caplog.text


@pytest.mark.parametrize("models", [(), ("model",)])
async def test_without_an_index_or_anybody_who_embeds_nothing_is_done(tmp_path: Path, models: tuple[str, ...]) -> None:
    lent = Serving(vectors={})
    lent.models = models
    assert await embed_missing(archive_over(tmp_path), lent, "embedder") == 0


async def test_a_folder_is_embedded_after_it_was_read(archive: LocalArchive, tmp_path: Path) -> None:
    document = {"folder": str(archive.folder.root), "embed_role": "embedder"}
    config = config_for([], data_dir=str(tmp_path / "data"), roles={"embedder": {}}, tools={"document": document})
    lent = Serving(vectors={})

    async def wait(_seconds: float) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_fresh(lambda: config, lambda: lent, wait)
    assert kept(archive) == 3
