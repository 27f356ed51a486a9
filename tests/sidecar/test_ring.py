import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.ring import MOST_SEGMENTS, SEGMENTS, Ring, RingBusy, segments_of
from tests.fakes.disks import room_for

lines_of_many_lengths = st.lists(st.integers(0, 40).map(lambda length: b"x" * length + b"\n"), max_size=60)


def written(folder: Path) -> bytes:
    """All that the ring holds, the oldest first."""
    return b"".join(path.read_bytes() for path in segments_of(folder))


def put(ring: Ring, line: bytes) -> None:
    if not ring.has_room(len(line)):
        ring.begin_segment()
    ring.append(line)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(lines_of_many_lengths, max_size=4),
    st.lists(st.integers(41 * SEGMENTS, 900), min_size=4, max_size=4),
)
def test_it_never_takes_more_than_it_may_and_keeps_the_newest(runs: list[list[bytes]], bounds: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), runs, bounds)


def fill(folder: Path, runs: list[list[bytes]], bounds: list[int]) -> None:
    """Open a ring again and again, each time with another bound."""
    everything = b""
    for lines, bound in zip(runs, bounds, strict=False):
        ring = Ring(folder, bound)
        assert len(written(folder)) <= bound
        for line in lines:
            put(ring, line)
            everything += line
            kept = written(folder)
            assert len(kept) <= bound
            assert everything.endswith(kept)
            assert kept.endswith(line)
        ring.close()


def test_no_more_is_thrown_away_than_has_to_be(tmp_path: Path) -> None:
    ring = Ring(tmp_path, 80 * SEGMENTS)
    for number in range(80):  # eight to a segment, to the last byte
        put(ring, b"%09d\n" % number)
        kept = written(tmp_path)
        assert kept.endswith(b"".join(b"%09d\n" % one for one in range(max(0, number - 56), number + 1)))
    assert [path.stat().st_size for path in segments_of(tmp_path)] == [80] * SEGMENTS
    ring.close()


def test_a_line_fits_into_a_segment_to_the_last_byte_and_not_beyond(tmp_path: Path) -> None:
    ring = Ring(tmp_path, 10 * SEGMENTS)
    assert not ring.has_room(1)
    ring.begin_segment()
    assert (ring.has_room(10), ring.has_room(11)) == (True, False)
    ring.append(b"1234\n")
    assert (ring.has_room(5), ring.has_room(6)) == (True, False)
    ring.close()


def test_another_life_goes_on_with_the_next_segment_and_numbers_count_not_letters(tmp_path: Path) -> None:
    for name in ("flight-9.jsonl", "flight-00000010.jsonl", "flight-000011.jsonl"):
        (tmp_path / name).write_bytes(name.encode() + b"\n")
    ring = Ring(tmp_path, 1024)
    put(ring, b"newest\n")
    ring.close()
    assert [path.name for path in segments_of(tmp_path)] == [
        "flight-9.jsonl",
        "flight-00000010.jsonl",
        "flight-000011.jsonl",
        "flight-00000012.jsonl",
    ]
    assert written(tmp_path).endswith(b"flight-000011.jsonl\nnewest\n")


def test_what_was_there_before_counts_and_the_oldest_of_it_goes_first(tmp_path: Path) -> None:
    for number in range(1, 5):
        (tmp_path / f"flight-{number}.jsonl").write_bytes(b"%d" % number * 199 + b"\n")
    Ring(tmp_path, 650).close()
    assert [path.stem for path in segments_of(tmp_path)] == ["flight-2", "flight-3", "flight-4"]
    ring = Ring(tmp_path, 650)
    put(ring, b"x" * 50 + b"\n")
    ring.close()
    assert [path.stem for path in segments_of(tmp_path)] == ["flight-3", "flight-4", "flight-00000005"]


def test_room_is_made_before_something_is_written(tmp_path: Path) -> None:
    ring = Ring(tmp_path, 80 * SEGMENTS)
    for _ in range(64):
        put(ring, b"123456789\n")
    with room_for(0), pytest.raises(OSError, match=r"."):
        put(ring, b"123456789\n")
    assert len(written(tmp_path)) == 80 * (SEGMENTS - 1)
    ring.close()


def test_a_segment_into_which_nothing_was_written_is_not_left_behind(tmp_path: Path) -> None:
    for _ in range(3):
        ring = Ring(tmp_path, 1024)
        with room_for(0), pytest.raises(OSError, match=r"."):
            put(ring, b"for which there is no room\n")
        ring.close()
    assert list(tmp_path.iterdir()) == []
    ring = Ring(tmp_path, 1024)
    ring.begin_segment()
    ring.begin_segment()
    ring.append(b"{}\n")
    ring.close()
    assert len(segments_of(tmp_path)) == 1


def test_however_often_it_is_begun_there_are_never_more_files_than_a_folder_can_bear(tmp_path: Path) -> None:
    for number in range(MOST_SEGMENTS + 20):
        (tmp_path / f"flight-{number}.jsonl").write_bytes(b"%d\n" % number)
    ring = Ring(tmp_path, 1024 * 1024)
    assert len(segments_of(tmp_path)) == MOST_SEGMENTS
    for _ in range(3):
        ring.begin_segment()
        ring.append(b"{}\n")
        assert len(segments_of(tmp_path)) == MOST_SEGMENTS
    ring.close()
    assert segments_of(tmp_path)[0].stem == "flight-23"


def test_a_folder_that_was_moved_or_deleted_is_no_longer_in_place(tmp_path: Path) -> None:
    folder = tmp_path / "flight"
    ring = Ring(folder, 1024)
    assert ring.in_place()
    folder.rename(tmp_path / "kept")
    assert not ring.in_place()
    folder.mkdir()
    assert not ring.in_place()
    ring.close()


def test_nothing_stays_open_or_locked_behind_it(tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    ring = Ring(tmp_path, 1024)
    put(ring, b"{}\n")
    ring.begin_segment()
    ring.close()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "flight"
    folder.mkdir(parents=True, mode=0o755)
    ring = Ring(folder, 1024)
    put(ring, b"{}\n")
    ring.close()
    [segment] = segments_of(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(segment.stat().st_mode) == 0o600


def test_one_writes_at_a_time(tmp_path: Path) -> None:
    first = Ring(tmp_path, 1024)
    with pytest.raises(RingBusy, match="another Maek writes there"):
        Ring(tmp_path, 1024)
    first.close()
    Ring(tmp_path, 1024).close()


def test_what_the_disk_cuts_short_is_taken_back(tmp_path: Path) -> None:
    ring = Ring(tmp_path, 8192)
    put(ring, b"a whole line\n")
    with room_for(20), pytest.raises(OSError, match=r"."):
        ring.append(b"one for which there is no room\n")
    assert written(tmp_path) == b"a whole line\n"
    ring.append(b"and another\n")
    ring.close()
    assert written(tmp_path) == b"a whole line\nand another\n"


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    for name in ("flight-notes.jsonl", "flight-2.txt", "flight-².jsonl"):
        (tmp_path / name).write_bytes(b"x" * 4096)
    ring = Ring(tmp_path, 1024)
    for _ in range(200):
        put(ring, b"0123456789\n")
    ring.close()
    assert len(list(tmp_path.iterdir())) == 3 + len(segments_of(tmp_path))
    assert len(written(tmp_path)) <= 1024


def test_a_segment_that_somebody_has_deleted_is_no_matter(tmp_path: Path) -> None:
    ring = Ring(tmp_path, 1024)
    for _ in range(50):
        put(ring, b"0123456789\n")
    for segment in segments_of(tmp_path)[:-1]:
        segment.unlink()
    for _ in range(200):
        put(ring, b"0123456789\n")
    ring.close()
    assert 0 < len(written(tmp_path)) <= 1024


def test_a_folder_that_is_none_is_an_error_and_nothing_stays_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "flight-1.jsonl").mkdir()
    (tmp_path / "flight-1.jsonl" / "inside").write_bytes(b"")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=r"."):
        Ring(tmp_path / "file", 1024)
    with pytest.raises(OSError, match=r"."):
        Ring(tmp_path, 1)
    with pytest.raises(OSError, match=r"."):
        Ring(Path("/proc/self/fdinfo"), 1024)  # whose mode nobody may change
    assert len(os.listdir("/proc/self/fd")) == before
