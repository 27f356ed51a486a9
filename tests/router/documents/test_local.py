import asyncio
import fcntl
import os
import sqlite3
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.documents.keeping import keep_fresh
from router.documents.local import LocalArchive, local_archive
from router.documents.reading import Why
from router.tools.documents.archive import ArchiveFailed
from router.tools.models import NoModels
from tests.fakes.routers import config_for
from tests.router.documents.given import LAW, archive_over, put, refreshed


@pytest.fixture
def archive(tmp_path: Path) -> LocalArchive:
    return archive_over(tmp_path)


async def paths(archive: LocalArchive, query: str) -> list[str]:
    return [one.document.path for one in await archive.passages(query, 10)]


async def test_a_compound_is_found_by_what_is_inside_it(archive: LocalArchive) -> None:
    put(archive, "law.md", "산업안전보건법은 1981년에 제정되었다.")
    put(archive, "other.md", "취업규칙은 사업주가 작성한다.")
    refreshed(archive)
    assert await paths(archive, "안전보건") == ["law.md"]


async def test_a_compound_is_found_where_it_is_written_apart(archive: LocalArchive) -> None:
    put(archive, "a.txt", "들어가기 전에 산소 농도를 잰다")
    put(archive, "b.txt", "휴가 규칙")
    refreshed(archive)
    assert await paths(archive, "산소농도 측정") == ["a.txt"]


@pytest.mark.parametrize("query", ["함수", "함수를", "함수에서는", "함수의 정의가 뭐야"])
async def test_particles_do_not_hide_a_word(archive: LocalArchive, query: str) -> None:
    put(archive, "a.txt", "함수는 값을 값으로 보낸다. 함수의 정의.")
    put(archive, "b.txt", "변수와 상수")
    refreshed(archive)
    assert await paths(archive, query) == ["a.txt"]


async def test_words_shorter_than_a_trigram_are_found_too(archive: LocalArchive) -> None:
    put(archive, "a.txt", "서류를 보존한다")
    put(archive, "b.txt", "100%_확실")
    refreshed(archive)
    assert await paths(archive, "서류") == ["a.txt"]
    assert await paths(archive, "법") == []
    assert await paths(archive, "%") == []


async def test_the_chapter_that_was_named_comes_first(archive: LocalArchive) -> None:
    put(archive, "law.md", LAW)
    refreshed(archive)
    best = (await archive.passages("산업안전보건법 제6장 내용이 뭐야", 5))[0]
    assert best.heading.endswith("제6장 유해·위험물질에 대한 조치 › 제104조(유해인자의 분류기준)")
    assert best.document.title == "산업안전보건법"


async def test_what_nobody_wrote_of_is_not_found(archive: LocalArchive) -> None:
    put(archive, "law.md", LAW)
    refreshed(archive)
    assert await archive.passages("양자역학 슈뢰딩거", 5) == ()
    assert await archive.passages("?", 5) == ()


async def test_only_what_changed_is_read_again(archive: LocalArchive) -> None:
    put(archive, "a.txt", "사과")
    file = put(archive, "b.txt", "바나나")
    assert refreshed(archive).changed == 2
    assert refreshed(archive).changed == 0
    os.utime(file, ns=(1, 1))
    assert refreshed(archive).changed == 0  # another time, the same bytes
    file.write_text("포도나무")
    assert refreshed(archive).changed == 1
    assert await paths(archive, "포도나무") == ["b.txt"]
    assert await paths(archive, "바나나") == []


async def test_a_deleted_file_is_gone_at_once_and_forgotten_at_the_next_look(archive: LocalArchive) -> None:
    file = put(archive, "a.txt", "바나나 이야기")
    refreshed(archive)
    (document,) = await archive.recent(5)
    file.unlink()
    assert await archive.passages("바나나", 5) == ()
    assert await archive.recent(5) == ()
    assert await archive.text(document.doc_id) is None
    assert refreshed(archive).removed == 1
    assert (await archive.holdings()).documents == 0


async def test_a_renamed_file_is_found_under_its_new_name_only(archive: LocalArchive) -> None:
    file = put(archive, "a.txt", "바나나 이야기")
    refreshed(archive)
    (old,) = await archive.recent(5)
    file.rename(file.with_name("c.txt"))
    report = refreshed(archive)
    assert (report.changed, report.removed) == (1, 1)
    (new,) = await archive.recent(5)
    assert (new.path, new.doc_id != old.doc_id) == ("c.txt", True)


async def test_an_id_is_opaque_and_stays(archive: LocalArchive) -> None:
    file = put(archive, "비밀/이름.txt", "하나")
    refreshed(archive)
    (before,) = await archive.recent(5)
    file.write_text("둘")
    archive.index.unlink()
    refreshed(archive)
    (after,) = await archive.recent(5)
    assert before.doc_id == after.doc_id
    assert len(before.doc_id) == 16
    assert set(before.doc_id) <= set("0123456789abcdef")


async def test_a_document_is_read_whole_though_it_is_kept_in_pieces(archive: LocalArchive) -> None:
    text = "\n".join(f"{number}번째 문장은 서로 다르다." for number in range(500))
    put(archive, "long.txt", text)
    refreshed(archive)
    (document,) = await archive.recent(1)
    found = await archive.text(document.doc_id)
    assert found is not None
    assert found[1].split() == text.split()
    assert await archive.text("../../etc/passwd") is None


async def test_no_link_is_followed_out_of_the_folder_or_within(archive: LocalArchive, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("바깥의 비밀")
    (archive.folder.root / "file.txt").symlink_to(outside / "secret.txt")
    (archive.folder.root / "folder").symlink_to(outside)
    report = refreshed(archive)
    assert report.problems == (("file.txt", str(Why.LINK)), ("folder", str(Why.LINK)))
    assert await archive.passages("비밀", 5) == ()


async def test_a_folder_that_becomes_a_link_later_leads_nowhere(archive: LocalArchive, tmp_path: Path) -> None:
    put(archive, "in/a.txt", "안쪽 이야기")
    refreshed(archive)
    (document,) = await archive.recent(1)
    (archive.folder.root / "in").rename(tmp_path / "moved")
    (archive.folder.root / "in").symlink_to(tmp_path / "moved")
    assert await archive.text(document.doc_id) is None
    with pytest.raises(OSError, match="directory"):
        archive.folder.content("in/a.txt")


def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    archive = archive_over(tmp_path, max_file_bytes=100)
    put(archive, "broken.pdf", b"%PDF nothing")
    put(archive, "large.txt", "가" * 100)
    put(archive, "report.hwp", b"x")
    put(archive, "fine.txt", "좋은 글")
    os.mkfifo(archive.folder.root / "pipe.txt")
    (archive.folder.root / os.fsdecode(b"\xff.txt")).write_text("x")
    report = refreshed(archive)
    assert report.problems == (
        ("?.txt", str(Why.NAME)),
        ("broken.pdf", str(Why.BROKEN)),
        ("large.txt", str(Why.SIZE)),
        ("pipe.txt", str(Why.KIND)),
        ("report.hwp", str(Why.KIND)),
    )
    assert refreshed(archive).changed == 0


def test_a_file_that_nobody_may_read_is_named(archive: LocalArchive) -> None:
    file = put(archive, "a.txt", "x")
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("whoever runs this may read everything")
    assert refreshed(archive).problems == (("a.txt", str(Why.DENIED)),)


def test_hidden_files_are_no_documents(archive: LocalArchive) -> None:
    put(archive, ".git/config.txt", "x")
    put(archive, ".hidden.txt", "x")
    assert refreshed(archive).files == 0


async def test_a_folder_that_is_away_forgets_nothing(archive: LocalArchive) -> None:
    put(archive, "a.txt", "바나나")
    refreshed(archive)
    away = archive.folder.root.rename(archive.folder.root.with_name("away"))
    with pytest.raises(FileNotFoundError):
        refreshed(archive)
    away.rename(archive.folder.root)
    assert await paths(archive, "바나나") == ["a.txt"]


def test_folder_and_index_are_readable_by_their_owner_alone(archive: LocalArchive) -> None:
    refreshed(archive)
    assert stat.S_IMODE(archive.index.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in archive.index.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b""])
async def test_a_damaged_index_is_told_and_made_anew(archive: LocalArchive, content: bytes) -> None:
    put(archive, "a.txt", "바나나")
    archive.index.parent.mkdir(parents=True)
    archive.index.write_bytes(content)
    if content:
        with pytest.raises(ArchiveFailed):
            await archive.passages("바나나", 5)
    refreshed(archive)
    assert await paths(archive, "바나나") == ["a.txt"]


async def test_the_index_of_another_folder_tells_nothing(archive: LocalArchive, tmp_path: Path) -> None:
    put(archive, "a.txt", "바나나")
    refreshed(archive)
    (tmp_path / "elsewhere").mkdir()
    other = archive_over(tmp_path / "elsewhere")
    other = LocalArchive(other.folder, archive.index)
    assert not (await other.holdings()).complete
    assert await other.passages("바나나", 5) == ()
    assert refreshed(other).files == 0
    assert (await other.holdings()).complete


async def test_one_writes_at_a_time_and_everybody_may_ask(archive: LocalArchive) -> None:
    put(archive, "a.txt", "바나나")
    refreshed(archive)
    with archive.index.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            refreshed(archive)
        assert await paths(archive, "바나나") == ["a.txt"]


def test_a_crash_in_the_middle_leaves_whole_documents(archive: LocalArchive) -> None:
    for number in range(100):
        put(archive, f"{number:03}.txt", f"문서 {number}")

    def crash(done: int, _total: int) -> None:
        if done >= 64:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        archive.refreshed_here(crash)
    with sqlite3.connect(archive.index) as connection:
        (files,) = connection.execute("SELECT count(*) FROM files").fetchone()
    connection.close()
    assert files == 64
    assert refreshed(archive).changed == 36


async def test_many_files_are_indexed_while_the_loop_goes_on(archive: LocalArchive) -> None:
    for number in range(400):
        put(archive, f"{number % 20}/{number}.txt", f"{number}번 문서는 안전보건교육을 다룬다.")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    report = await archive.refreshed()
    ticking.cancel()
    assert (report.changed, report.finished) == (400, True)
    assert ticks > 20
    assert len(await archive.passages("안전보건교육", 1000)) == 300


async def test_a_cancelled_refresh_stops_and_goes_on_another_time(archive: LocalArchive) -> None:
    for number in range(200):
        put(archive, f"{number}.txt", f"문서 {number}")
    refreshing = asyncio.create_task(archive.refreshed())
    await asyncio.sleep(0)
    refreshing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await refreshing
    await asyncio.get_running_loop().shutdown_default_executor()
    assert refreshed(archive).finished
    assert len(list(archive.folder.files())) == 200


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(alphabet="\"'*()^:;%_\\-AND ORNEAR가\0", max_size=30)))
def test_no_question_breaks_the_archive(archive: LocalArchive, query: str) -> None:
    if not archive.index.exists():
        put(archive, "law.md", LAW)
        refreshed(archive)
    asyncio.run(archive.passages(query, 5))


async def test_the_archive_in_force_is_kept_fresh_and_a_folder_that_is_away_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    root = tmp_path / "docs"
    config = config_for([], data_dir=str(tmp_path / "data"), tools={"document": {"folder": str(root)}})
    archive = local_archive(config)
    assert archive is not None
    waited = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        match len(waited):
            case 1:
                root.mkdir()
                (root / "a.txt").write_text("바나나")
            case 3:
                archive.index.with_suffix(".lock").chmod(0o600)
                fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
            case 4:
                raise asyncio.CancelledError

    archive.index.parent.mkdir(parents=True)
    with archive.index.with_suffix(".lock").open("w") as lock, pytest.raises(asyncio.CancelledError):
        await keep_fresh(lambda: config, NoModels, wait)
    assert waited == [600.0] * 4
    told = [record.getMessage() for record in caplog.records if "documents" in record.getMessage()]
    assert [line.split(" folder")[0].split(" files")[0] for line in told] == [
        "documents not indexed",
        "documents indexed",
        "documents are being indexed by another process",
    ]


def test_without_a_folder_or_with_none_there_is_no_archive() -> None:
    assert local_archive(config_for([])) is None
    assert local_archive(config_for([], tools={"document": {"kind": "none", "folder": "/tmp"}})) is None
