"""The model's file: read as it was written, and refused whole where it is broken."""

import contextlib
import json
import re
import struct
import zlib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decide.intent.artefact import FILE, MAGIC, MAX_BODY_BYTES, packaged, read, written
from router.decide.intent.errors import BrokenArtefact
from tests.router.decide.intent.models import SMALL

CARD = Path(__file__).parents[4] / "router/decide/intent/MODEL_CARD.md"
MAX_BYTES = 1_000_000


def altered(**changes: Any) -> bytes:
    """The small artefact with other values in its header."""
    data = written(SMALL)
    start = len(MAGIC) + 4
    end = start + struct.unpack_from("<I", data, len(MAGIC))[0]
    header = json.dumps({**json.loads(data[start:end]), **changes}).encode()
    return MAGIC + struct.pack("<I", len(header)) + header + data[end:]


def with_body(body: bytes) -> bytes:
    """The small artefact with another body."""
    data = written(SMALL)
    end = len(MAGIC) + 4 + struct.unpack_from("<I", data, len(MAGIC))[0]
    return data[:end] + zlib.compress(body)


def test_what_was_written_is_read() -> None:
    again = read(written(SMALL))
    assert replace(again, version="") == SMALL


def test_the_same_artefact_has_the_same_bytes_and_so_the_same_version() -> None:
    assert written(SMALL) == written(SMALL)
    assert read(written(SMALL)).version == read(written(SMALL)).version


def test_another_threshold_is_another_version() -> None:
    other = replace(SMALL, thresholds=dict.fromkeys(SMALL.thresholds, 0.6))
    assert read(written(other)).version != read(written(SMALL)).version


def test_the_artefact_of_the_wheel_is_small_and_its_card_speaks_of_it() -> None:
    data = files("router.decide.intent").joinpath(FILE).read_bytes()
    assert len(data) <= MAX_BYTES
    card = CARD.read_text(encoding="utf-8")
    assert re.search(r"^Version: `(\w+)`", card, re.MULTILINE)[1] == packaged().version  # type: ignore[index]
    assert f"{len(data):,} bytes" in card


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it does not begin as an artefact of this layout does"),
        (b"MAEKINT2" + written(SMALL)[8:], "it does not begin as an artefact of this layout does"),
        (MAGIC + b"\x01", "it ends within its header"),
        (MAGIC + struct.pack("<I", 4) + b"{]{]", "its header cannot be read"),
        (MAGIC + struct.pack("<I", 2) + b"[]", "its header cannot be read"),
        (altered(labels=["direct", "weather"]), "its header cannot be read ('weather' is not a valid Label)"),
        (altered(thresholds=3), "its header cannot be read"),
        (altered(features=0), "it was made for features 0, and this is 1"),
        (altered(labels=["other", "direct"]), "its labels are not distinct"),
        (altered(labels=[*SMALL.labels[:-1], "direct"]), "its labels are not distinct"),
        (altered(thresholds={"direct": 0.5}), "its thresholds are not one for each label that decides"),
        (altered(thresholds=dict.fromkeys(SMALL.thresholds, 1.5)), "its thresholds are not one for each label"),
        (altered(scales=[1.0]), "its scales and biases do not fit its labels"),
        (altered(biases=[float("nan")] * 9), "its scales and biases do not fit its labels"),
        (written(SMALL)[:-3], "its body is cut off or too long"),
        (written(SMALL)[:-30] + b"x" * 30, "its body cannot be unpacked"),
        (with_body(b"\0" * (MAX_BODY_BYTES + 1)), "its body is cut off or too long"),
        (with_body(b""), "it has not 2 pieces with their weights"),
        (with_body(b"a\na" + bytes(16)), "it has not 2 pieces with their weights"),
        (with_body(b"a\n\xff" + bytes(16)), "its pieces are not text"),
        (altered(pieces=3), "it has not 3 pieces with their weights"),
    ],
)
def test_a_broken_artefact_is_refused_with_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(BrokenArtefact, match=re.escape(reason)):
        read(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_artefact_or_refused(noise: bytes) -> None:
    for data in (noise, MAGIC + noise, MAGIC + struct.pack("<I", len(noise)) + noise):
        with pytest.raises(BrokenArtefact):
            read(data)


@given(st.integers(min_value=0, max_value=len(written(SMALL)) - 1), st.integers(min_value=0, max_value=255))
def test_one_wrong_byte_never_breaks_anything_else(at: int, byte: int) -> None:
    data = bytearray(written(SMALL))
    data[at] = byte
    with contextlib.suppress(BrokenArtefact):
        read(bytes(data))
