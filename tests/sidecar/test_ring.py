import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.ring import SEGMENTS, Ring, RingBusy, segments_of
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
    for name in ("flight-notes.jsonl", "flight-2.txt", "other.jsonl"):
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
    assert len(os.listdir("/proc/self/fd")) == before
