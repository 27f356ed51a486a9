"""Recordings on disk, read while somebody writes and after somebody was killed."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flight.files import decision_in, recordings, whole_lines

LINES = [orjson.dumps({"t": at, "event": "queue", "active": at}) + b"\n" for at in range(5)]
TEXT = b"".join(LINES)


@given(st.integers(0, len(TEXT)))
def test_cut_anywhere_it_reads_up_to_the_last_whole_line(size: int) -> None:
    torn: list[int] = []
    read = list(whole_lines(TEXT[:size].splitlines(keepends=True), lambda: torn.append(1)))
    whole = TEXT[:size].count(b"\n")
    # The newline alone may be missing: then the line is whole all the same.
    complete = whole + (size < len(TEXT) and TEXT[size : size + 1] == b"\n" and not TEXT[:size].endswith(b"\n"))
    assert [line.rstrip() for line in read] == [line.rstrip() for line in LINES[:complete]]
    assert len(torn) == (TEXT[:size] != b"".join(read))


def test_a_folder_is_its_segments_and_maeks_own_folder_that_of_the_ring(tmp_path: Path) -> None:
    ring = tmp_path / "flight"
    ring.mkdir()
    for name in ("flight-00000010.jsonl", "flight-00000009.jsonl", "other.jsonl"):
        (ring / name).write_bytes(b"")
    wanted = [ring / "flight-00000009.jsonl", ring / "flight-00000010.jsonl"]
    assert recordings(tmp_path) == recordings(ring) == wanted
    assert recordings(ring / "other.jsonl") == [ring / "other.jsonl"]


def test_a_decision_is_found_wherever_it_stands(tmp_path: Path) -> None:
    old = b'{"t":1.0,"event":"decision","id":"one","error":null}\n{"t":2.0,"event":"choice","decision":"two"}\n'
    new = b'{"t":3.0,"event":"decision","id":"two","error":"gone"}\n"two"\n{"two" \n{"t":4.0,"event":"deci'
    (tmp_path / "flight-1.jsonl").write_bytes(old)
    (tmp_path / "flight-2.jsonl").write_bytes(new)
    assert decision_in(tmp_path, "one") == {"id": "one", "error": None}
    assert decision_in(tmp_path, "two") == {"id": "two", "error": "gone"}
    assert decision_in(tmp_path, "three") is None
    with pytest.raises(FileNotFoundError):
        decision_in(tmp_path / "nowhere", "one")
