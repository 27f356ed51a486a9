import asyncio
import resource
import ssl
import stat
from pathlib import Path

import pytest

from router.doctor import machine
from router.doctor.finding import Grade
from tests.fakes.talkers import hang_up, talking
from tests.router.mailbox.imap_server import made_certificate


@pytest.mark.parametrize(
    ("limit", "grade"),
    [(4100, Grade.OK), (4099, Grade.WARNING), (256, Grade.WARNING), (255, Grade.PROBLEM),
     (resource.RLIM_INFINITY, Grade.OK)],
)  # fmt: skip
def test_each_chat_takes_two_files(limit: int, grade: Grade) -> None:
    assert machine.files(2000, limit).grade is grade


def test_too_few_files_say_how_many_chats_they_are_for_and_how_to_get_more() -> None:
    finding = machine.files(2000, 1024)
    assert "about 462 chats at once" in finding.found.en
    assert finding.advice is not None
    assert "LimitNOFILE=4100" in finding.advice.en


def test_a_data_folder_that_is_not_there_yet_is_judged_by_the_one_it_will_be_in(tmp_path: Path) -> None:
    (finding,) = machine.folder(tmp_path / "not" / "yet")
    assert (finding.grade, finding.subject) == (Grade.OK, str(tmp_path / "not" / "yet"))
    assert [*tmp_path.iterdir()] == []


def test_what_the_flight_recorder_may_still_take_counts_as_taken(tmp_path: Path) -> None:
    much = 1 << 50
    (finding,) = machine.folder(tmp_path, much)
    assert (finding.grade, finding.advice is not None) == (Grade.PROBLEM, True)
    assert "0.0 GB free beside what the flight recorder may take" in finding.found.en
    (tmp_path / "flight").mkdir()
    with (tmp_path / "flight" / "flight-00000000.jsonl").open("wb") as segment:
        segment.truncate(1 << 40)  # a hole: it takes no room
    (finding,) = machine.folder(tmp_path, 1 << 40)
    assert finding.grade is Grade.OK


def test_a_file_where_the_folder_should_be_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    (finding,) = machine.folder(tmp_path / "data")
    assert (finding.grade, finding.found.en) == (Grade.PROBLEM, "the data folder cannot be written (not a folder)")


def test_a_folder_of_the_kernel_cannot_be_written() -> None:
    (finding,) = machine.folder(Path("/proc/maek"))
    assert finding.grade is Grade.PROBLEM
    assert stat.S_ISDIR(Path("/proc").stat().st_mode)


async def test_names_are_looked_up_and_addresses_are_not() -> None:
    (there,) = await machine.named("localhost")
    (nowhere,) = await machine.named("no-such-host.invalid")
    (too_long,) = await machine.named("x" * 70 + ".example")
    assert (there.grade, nowhere.grade, too_long.grade) == (Grade.OK, Grade.PROBLEM, Grade.PROBLEM)
    assert await machine.named("127.0.0.1") == await machine.named("::1") == []


async def test_a_certificate_is_told_by_the_days_it_has_left(tmp_path: Path) -> None:
    file = await asyncio.to_thread(made_certificate, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, file.with_suffix(".key"))
    async with talking(hang_up, ssl=context) as port:
        (trusted,) = await machine.certificate("localhost", port, str(file))
        (unknown,) = await machine.certificate("localhost", port)
    assert (trusted.grade, unknown.grade) == (Grade.OK, Grade.PROBLEM)
    assert "more days" in trusted.found.en
    assert "not trusted" in unknown.found.en
    assert await machine.certificate("127.0.0.1", 9) == []
