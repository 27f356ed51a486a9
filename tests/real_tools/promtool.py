"""promtool, of Prometheus's own authors, for the tests of rules and of the exposition.

Rules of this file
- It only runs the program, and writes what the program reads. What is right is for the tests to say.

Needed: `apt-get install prometheus`. Without it tests are skipped, but on CI they fail: there it is wanted.
"""

import asyncio
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from math import isnan

import pytest
from prometheus_client.utils import floatToGoString

LONGEST_SECONDS = 110.0
MISSING = "stale"
"""In the values of a series: there is none at this moment."""

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]


def program(name: str) -> str:
    """The path of `promtool` or `prometheus`; skips the test that asks if it is not there, or fails it on CI."""
    path = shutil.which(name)
    if path is not None:
        return path
    reason = "apt-get install prometheus"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


async def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    """Exit code, and whatever it says."""
    process = await asyncio.create_subprocess_exec(
        program("promtool"), *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(stdin), LONGEST_SECONDS)
    assert process.returncode is not None
    return process.returncode, said.decode()


def selector(series: Series) -> str:
    """`name{label="value"}`."""
    name, labels = series
    written = ", ".join(f'{label}="{value}"' for label, value in labels)
    return f"{name}{{{written}}}"


def number(value: float) -> str:
    """As the exposition writes it, to the last digit."""
    return "NaN" if isnan(value) else floatToGoString(value)


def told(moments: Sequence[Mapping[Series, float]]) -> list[dict[str, str]]:
    """`input_series` of a test: one value a moment, none where there is none."""
    every = dict.fromkeys(series for moment in moments for series in moment)
    return [
        {
            "series": selector(series),
            "values": " ".join(number(moment[series]) if series in moment else MISSING for moment in moments),
        }
        for series in every
    ]


def samples(found: Iterable[tuple[Series, float]]) -> list[dict[str, str | float]]:
    """`exp_samples` of a test."""
    return [{"labels": selector(series), "value": value} for series, value in found]
