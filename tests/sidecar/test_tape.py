import logging
import threading
from collections import Counter
from pathlib import Path

import pytest

from sidecar.engines.engine import Reading
from sidecar.facts import BackendAdded, BackendRemoved, BackendSpec, HealthProbed, LoadRead, ProbeOutcome
from sidecar.load import DEFAULT_RULES
from sidecar.recorder import Recorder
from sidecar.recording import read
from sidecar.ring import SEGMENTS, Ring, segments_of
from sidecar.store import Store
from sidecar.tape import MOST_PENDING_BYTES, FileTape, Line, Lost, RingTape
from tests.fakes.disks import room_for
from tests.fakes.waiting import until

MANY = 1024 * 1024


class Losses(Counter[Lost]):
    """Hears what is lost."""

    def hear(self, why: Lost, lines: int) -> None:
        self[why] += lines


def written(folder: Path) -> list[bytes]:
    return [line for path in segments_of(folder) for line in path.read_bytes().splitlines(keepends=True)]


def number(count: int) -> Line:
    return Line(b"%05d\n" % count)


def test_lines_are_on_the_disk_in_their_order_when_it_ends(tmp_path: Path) -> None:
    losses = Losses()
    tape = RingTape(tmp_path / "flight", MANY, losses.hear)
    for count in range(1000):
        tape.put(number(count))
    tape.close()
    assert written(tmp_path / "flight") == [number(count).text for count in range(1000)]
    assert not losses


async def test_they_are_there_within_a_second_while_it_goes_on(tmp_path: Path) -> None:
    tape = RingTape(tmp_path, MANY, Losses().hear)
    tape.put(number(1))
    await until(lambda: written(tmp_path) == [b"00001\n"])
    tape.put(number(2))
    await until(lambda: written(tmp_path) == [b"00001\n", b"00002\n"])
    tape.close()


def test_every_segment_begins_with_what_is_in_force(tmp_path: Path) -> None:
    tape = RingTape(tmp_path, 100 * SEGMENTS, Losses().hear)
    tape.put(Line(b"old rules\n", opens="rules"))
    tape.put(Line(b"rules\n", opens="rules"))
    tape.put(Line(b"backend mini\n", opens="mini"))
    tape.put(Line(b"backend gone\n", opens="gone"))
    tape.put(Line(b"gone is gone\n", closes="gone"))
    for count in range(200):
        tape.put(number(count))
    tape.close()
    segments = [path.read_bytes() for path in segments_of(tmp_path)]
    assert len(segments) > 2
    assert all(segment.startswith(b"rules\nbackend mini\n") for segment in segments[1:])
    assert not any(b"gone" in segment for segment in segments[2:])


async def test_a_folder_that_cannot_be_written_is_told_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    losses = Losses()
    folder = tmp_path / "flight"
    folder.write_bytes(b"not a folder")
    tape = RingTape(folder, MANY, losses.hear)
    tape.retry_seconds = 0.0
    tape.put(Line(b"rules\n", opens="rules"))
    await until(lambda: losses[Lost.DISK] == 1)
    tape.put(number(1))
    await until(lambda: losses[Lost.DISK] == 2)
    folder.unlink()
    tape.put(number(2))
    await until(lambda: folder.is_dir() and written(folder) == [b"rules\n", b"00002\n"])
    tape.close()
    paused, again = (record.getMessage() for record in caplog.records)
    assert paused.startswith(f"recording paused folder={folder} reason=File exists; chats go on")
    assert again == f"recording again folder={folder}"


async def test_a_disk_that_fails_is_left_alone_for_a_while(tmp_path: Path) -> None:
    losses = Losses()
    folder = tmp_path / "flight"
    folder.write_bytes(b"not a folder")
    tape = RingTape(folder, MANY, losses.hear)
    tape.retry_seconds = 3600.0
    tape.put(number(1))
    await until(lambda: losses[Lost.DISK] == 1)
    folder.unlink()
    tape.put(number(2))
    tape.close()
    assert losses == {Lost.DISK: 2}
    assert not folder.exists()


async def test_a_full_disk_leaves_whole_lines_and_counts_the_others(tmp_path: Path) -> None:
    losses = Losses()
    tape = RingTape(tmp_path, MANY, losses.hear)
    with room_for(20):
        tape.put(number(1))
        await until(lambda: written(tmp_path) == [b"00001\n"])
        for count in range(2, 10):
            tape.put(number(count))
        await until(lambda: losses[Lost.DISK] == 8)
    tape.close()
    assert written(tmp_path) == [b"00001\n"]


def test_a_ring_that_another_one_writes_is_not_touched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other, losses = Ring(tmp_path, MANY), Losses()
    tape = RingTape(tmp_path, MANY, losses.hear)
    tape.put(number(1))
    tape.close()
    other.close()
    assert losses == {Lost.DISK: 1}
    assert "reason=another Maek writes there" in caplog.text


async def test_what_waits_for_a_slow_disk_is_bounded_and_told_once_until_it_has_caught_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    losses = Losses()
    tape = RingTape(tmp_path, 1024 * MANY, losses.hear)
    half = Line(b"x" * (MOST_PENDING_BYTES // 2 - 1) + b"\n")
    for _ in range(4):
        tape.put(half)  # before the thread has looked
    tape.put(Line(b"backend mini\n", opens="mini"))  # what is in force is never lost
    assert losses == {Lost.BEHIND: 2}
    await until(lambda: b"backend mini\n" in written(tmp_path))
    tape.put(number(1))
    await until(lambda: number(1).text in written(tmp_path))
    tape.close()
    assert written(tmp_path) == [half.text, half.text, b"backend mini\n", b"00001\n"]
    behind, again = (record.getMessage() for record in caplog.records)
    assert behind.startswith(
        f"recording behind folder={tmp_path} bytes={MOST_PENDING_BYTES}; the disk is slow: chats go"
    )
    assert again == f"recording again folder={tmp_path}"


async def test_a_folder_that_was_moved_is_made_anew_and_nothing_is_lost(tmp_path: Path) -> None:
    folder, losses = tmp_path / "flight", Losses()
    tape = RingTape(folder, MANY, losses.hear)
    tape.put(Line(b"rules\n", opens="rules"))
    tape.put(number(1))
    await until(lambda: folder.exists() and number(1).text in written(folder))
    folder.rename(tmp_path / "kept")
    tape.put(number(2))
    await until(lambda: folder.exists() and number(2).text in written(folder))
    tape.close()
    assert written(tmp_path / "kept") == [b"rules\n", b"00001\n"]
    assert written(folder) == [b"rules\n", b"00002\n"]
    assert not losses


def test_in_a_burst_it_never_takes_more_than_it_may_the_file_being_written_included(tmp_path: Path) -> None:
    most = 64 * 1024
    tape = RingTape(tmp_path, most, Losses().hear)
    sizes: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            sizes.append(sum(size_of(path) for path in tmp_path.iterdir()))

    watching = threading.Thread(target=watch)
    watching.start()
    for count in range(2000):
        tape.put(Line(b"%0199d\n" % count))
    tape.close()
    ended.set()
    watching.join()
    assert written(tmp_path)[-1] == b"%0199d\n" % 1999
    assert max(sizes) <= most
    assert len(b"".join(written(tmp_path))) > most // 2


def size_of(path: Path) -> int:
    """0 where it has just made way."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


async def test_a_full_disk_loses_nothing_that_was_written_and_no_file_is_left_empty(tmp_path: Path) -> None:
    losses = Losses()
    tape = RingTape(tmp_path, MANY, losses.hear)
    tape.retry_seconds = 0.0
    tape.put(Line(b"rules\n", opens="rules"))
    tape.put(number(1))
    await until(lambda: number(1).text in written(tmp_path))
    with room_for(0):
        for count in range(2, 5):
            tape.put(number(count))
            await until(lambda count=count: losses[Lost.DISK] == count - 1)  # type: ignore[misc]
        assert written(tmp_path) == [b"rules\n", b"00001\n"]
        assert len(list(tmp_path.iterdir())) == 1
    tape.put(number(5))
    await until(lambda: number(5).text in written(tmp_path))
    tape.close()
    assert written(tmp_path) == [b"rules\n", b"00001\n", b"rules\n", b"00005\n"]
    assert losses == {Lost.DISK: 3}


async def test_of_a_batch_that_fails_half_way_what_was_written_is_not_counted_as_lost(tmp_path: Path) -> None:
    losses = Losses()
    tape = RingTape(tmp_path, 100 * SEGMENTS, losses.hear)
    tape.put(number(0))
    await until(lambda: written(tmp_path) == [b"00000\n"])
    (tmp_path / "flight-00000002.jsonl").mkdir()  # where the next segment would be
    for count in range(1, 31):
        tape.put(number(count))
    await until(lambda: losses[Lost.DISK] == 15)
    tape.close()
    (tmp_path / "flight-00000002.jsonl").rmdir()
    assert written(tmp_path) == [number(count).text for count in range(16)]
    assert losses == {Lost.DISK: 15}


async def test_what_came_into_force_while_nothing_could_be_written_is_known_afterwards(tmp_path: Path) -> None:
    other, losses = Ring(tmp_path, MANY), Losses()
    tape = RingTape(tmp_path, MANY, losses.hear)
    tape.retry_seconds = 0.0
    tape.put(Line(b"rules\n", opens="rules"))
    tape.put(Line(b"backend gone\n", opens="gone"))
    tape.put(Line(b"gone is gone\n", closes="gone"))
    await until(lambda: losses[Lost.DISK] == 3)
    other.close()
    tape.put(number(1))
    await until(lambda: number(1).text in written(tmp_path))
    tape.close()
    assert written(tmp_path) == [b"rules\n", b"00001\n"]


def test_a_line_longer_than_a_segment_is_left_out(tmp_path: Path) -> None:
    losses = Losses()
    tape = RingTape(tmp_path, 100 * SEGMENTS, losses.hear)
    tape.put(number(1))
    tape.put(Line(b"x" * 200 + b"\n"))
    tape.put(number(2))
    tape.close()
    assert written(tmp_path) == [b"00001\n", b"00002\n"]
    assert losses == {Lost.UNWRITABLE: 1}


def test_a_line_for_which_what_is_in_force_leaves_no_room_is_left_out_too(tmp_path: Path) -> None:
    losses = Losses()
    tape = RingTape(tmp_path, 100 * SEGMENTS, losses.hear)
    tape.put(Line(b"r" * 59 + b"\n", opens="rules"))
    tape.put(Line(b"x" * 50 + b"\n"))
    tape.put(number(1))
    tape.close()
    assert written(tmp_path) == [b"r" * 59 + b"\n", b"00001\n"]
    assert losses == {Lost.UNWRITABLE: 1}


async def test_its_thread_ends_with_it_also_when_nothing_waits_and_lets_go_of_the_folder(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    tape = RingTape(tmp_path, MANY, Losses().hear)
    [thread] = set(threading.enumerate()) - before
    tape.put(number(1))
    await until(lambda: written(tmp_path) == [number(1).text])
    tape.close()
    assert not thread.is_alive()
    Ring(tmp_path, MANY).close()


async def test_it_can_be_switched_off_and_on_and_knows_by_then_what_is_in_force(tmp_path: Path) -> None:
    folder, losses = tmp_path / "flight", Losses()
    tape = RingTape(folder, 0, losses.hear)
    assert not tape.on
    tape.put(Line(b"rules\n", opens="rules"))
    tape.put(number(1))
    tape.adopt(MANY)
    assert tape.on
    tape.put(number(2))
    await until(lambda: folder.exists() and number(2).text in written(folder))
    assert set(written(folder)) == {b"rules\n", b"00002\n"}
    tape.adopt(0)
    tape.put(number(3))
    tape.close()
    assert number(3).text not in written(folder)
    assert not losses


async def test_a_smaller_bound_is_kept_from_the_next_write_on(tmp_path: Path) -> None:
    tape = RingTape(tmp_path, MANY, Losses().hear)
    for count in range(2000):
        tape.put(number(count))
    await until(lambda: number(1999).text in written(tmp_path))
    tape.adopt(100 * SEGMENTS)
    tape.put(number(2000))
    await until(lambda: number(2000).text in written(tmp_path))
    tape.close()
    assert len(b"".join(written(tmp_path))) <= 100 * SEGMENTS


def test_a_recorder_on_a_ring_goes_on_after_a_number_that_no_json_can_hold(tmp_path: Path) -> None:
    losses, store = Losses(), Store()
    recorder = Recorder(RingTape(tmp_path, MANY, losses.hear))
    recorder.follow(store)
    recorder.rules(0.0, 3, DEFAULT_RULES)
    store.apply(BackendAdded(0.0, BackendSpec("mini", "http://10.0.0.1:8080")))
    store.apply(LoadRead(1.0, "mini", Reading(total_requests=10**30)))
    store.apply(HealthProbed(2.0, "mini", ProbeOutcome.OK, 5.0))
    store.apply(BackendRemoved(3.0, "mini"))
    recorder.close()
    assert [type(read(line)).__name__ for line in written(tmp_path)] == [
        "RulesInForce",
        "BackendAdded",
        "HealthProbed",
        "BackendRemoved",
    ]
    assert losses == {Lost.UNWRITABLE: 1}


def test_a_file_that_has_ended_takes_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "flight.jsonl"
    tape = FileTape(path)
    tape.put(number(1))
    tape.close()
    tape.put(number(2))
    tape.unwritable(ValueError("late"))
    assert not tape.on
    assert path.read_bytes() == b"00001\n"
