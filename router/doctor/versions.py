"""Servers that are too old for something that Maek wants of them.

Rules of this file
- Pure. A version is named for what it lacks; one that cannot be read, or of a server that is not in the table, is none
  of this file's business: what a server answers is looked at elsewhere.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from router.doctor.finding import Area, Finding, doubtful
from router.terminal.words import Word

_NUMBERS = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


class Since(NamedTuple):
    """From which version on a server can do something."""

    version: tuple[int, int, int]
    lacks: Word
    """What one that is older cannot do."""


_SHAPES = Word(
    "정해진 모양(JSON 스키마)의 답을 보장하지 못해 분류 모델로 쓰면 엉뚱한 답이 잦습니다",
    "it cannot hold a model to a JSON schema, so that as a classifier it often answers nonsense",
)
SINCE: Mapping[str, Since] = {
    # https://ollama.com/blog/structured-outputs
    "ollama": Since((0, 5, 0), _SHAPES),
    # https://github.com/vllm-project/vllm/issues/7656
    "vllm": Since((0, 5, 5), _SHAPES),
    # https://lmstudio.ai/docs/developer/rest
    "lmstudio": Since(
        (0, 4, 0),
        Word(
            "한 번에 한 요청만 처리하고 몇 개를 받을 수 있는지 알려 주지 않습니다",
            "it does one request at a time, and does not tell how many fit",
        ),
    ),
}


def too_old(name: str, engine: str, version: str | None) -> Finding | None:
    """The line of a backend whose server is too old; None where it is not, or nobody can tell."""
    since, read = SINCE.get(engine), _NUMBERS.match(version or "")
    if since is None or read is None:
        return None
    if tuple(int(number or 0) for number in read.groups()) >= since.version:
        return None
    oldest = ".".join(map(str, since.version))
    said = Word(f"버전 {version}: {since.lacks.ko}", f"version {version}: {since.lacks.en}")
    return doubtful(
        Area.BACKENDS, name, said, Word(f"{oldest} 이상으로 올리십시오.", f"Update it to {oldest} or newer.")
    )
