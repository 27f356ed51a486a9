"""The file that the intent model is kept in.

Rules of this file
- Pure: bytes to values and back. The file is read as a package's resource, once.
- Nothing in it can run: a header of JSON, a list of words, and one byte a weight.
- The version is the beginning of the SHA-256 of all its bytes, so that a version never means two models.

The layout, little-endian

    MAGIC              8 bytes, with the layout's number
    header's length    4 bytes
    header             JSON: features, labels, thresholds, scales, biases, pieces (how many)
    body               zlib: the pieces in UTF-8, a line each; then for every label but the last its weights, a byte
                       each with 128 for nothing. A weight is (byte - 128) * scale of its label.
"""

import hashlib
import json
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from router.decide.intent.errors import BrokenArtefact
from router.decide.intent.features import FEATURES_VERSION
from router.decide.intent.labels import ACCEPTED, Label

MAGIC = b"MAEKINT1"
FILE = "intent.bin"
MAX_BODY_BYTES = 8_000_000
"""Of the body unpacked. A wheel's artefact has a fifth of it; more is a mistake or worse."""
NOTHING = 128
"""The byte of a weight that is 0."""
VERSION_CHARACTERS = 12

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Artefact:
    """A trained model. `planes` has the weights of every label but the last, in the order of `pieces`."""

    labels: tuple[Label, ...]
    thresholds: dict[Label, float]
    """The probability from which a label decides; only accepted labels have one."""
    scales: tuple[float, ...]
    biases: tuple[float, ...]
    pieces: tuple[str, ...]
    planes: tuple[bytes, ...]
    version: str = ""


def packaged() -> Artefact:
    """The artefact that comes with Maek."""
    return read(files("router.decide.intent").joinpath(FILE).read_bytes())


def read(data: bytes) -> Artefact:
    """The artefact in `data`. Raises BrokenArtefact."""
    if data[: len(MAGIC)] != MAGIC:
        raise BrokenArtefact("it does not begin as an artefact of this layout does")
    at = len(MAGIC) + _LENGTH.size
    if len(data) < at:
        raise BrokenArtefact("it ends within its header")
    end = at + _LENGTH.unpack_from(data, len(MAGIC))[0]
    header = _header(data[at:end])
    pieces, planes = _body(_unpacked(data[end:]), header["pieces"], len(header["labels"]) - 1)
    return Artefact(
        labels=header["labels"],
        thresholds=header["thresholds"],
        scales=header["scales"],
        biases=header["biases"],
        pieces=pieces,
        planes=planes,
        version=hashlib.sha256(data).hexdigest()[:VERSION_CHARACTERS],
    )


def written(artefact: Artefact) -> bytes:
    """The bytes that `read` reads. The same artefact has the same bytes."""
    header = json.dumps(
        {
            "features": FEATURES_VERSION,
            "labels": artefact.labels,
            "thresholds": artefact.thresholds,
            "scales": artefact.scales,
            "biases": artefact.biases,
            "pieces": len(artefact.pieces),
        },
        sort_keys=True,
    ).encode()
    body = "\n".join(artefact.pieces).encode() + b"".join(artefact.planes)
    return MAGIC + _LENGTH.pack(len(header)) + header + zlib.compress(body, 9)


def _header(raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw)
        features = header["features"]
        labels = tuple(Label(label) for label in header["labels"])
        thresholds = {Label(label): float(threshold) for label, threshold in header["thresholds"].items()}
        scales, biases, pieces = _numbers(header["scales"]), _numbers(header["biases"]), int(header["pieces"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenArtefact(f"its header cannot be read ({error})") from error
    if features != FEATURES_VERSION:
        raise BrokenArtefact(f"it was made for features {features}, and this is {FEATURES_VERSION}")
    if len(set(labels)) != len(labels) or not set(ACCEPTED) < set(labels) or labels[-1] is not Label.OTHER:
        raise BrokenArtefact("its labels are not distinct, with those that decide among them and 'other' as the last")
    if set(thresholds) != set(ACCEPTED) or not all(0 < threshold <= 1 for threshold in thresholds.values()):
        raise BrokenArtefact("its thresholds are not one for each label that decides, over 0 and up to 1")
    if not len(labels) == len(biases) == len(scales) + 1 or not all(map(math.isfinite, (*scales, *biases))):
        raise BrokenArtefact("its scales and biases do not fit its labels")
    return {"labels": labels, "thresholds": thresholds, "scales": scales, "biases": biases, "pieces": pieces}


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(map(float, values))


def _unpacked(packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(packed, MAX_BODY_BYTES)
    except zlib.error as error:
        raise BrokenArtefact(f"its body cannot be unpacked ({error})") from error
    if not stream.eof:
        raise BrokenArtefact("its body is cut off or too long")
    return body


def _body(body: bytes, count: int, labels: int) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    words_end = len(body) - count * labels
    try:
        pieces = tuple(body[: max(words_end, 0)].decode().split("\n"))
    except UnicodeDecodeError as error:
        raise BrokenArtefact("its pieces are not text") from error
    if words_end < 0 or len(pieces) != count or len(set(pieces)) != count:
        raise BrokenArtefact(f"it has not {count} pieces with their weights")
    planes = tuple(body[start : start + count] for start in range(words_end, len(body), count))
    return pieces, planes
