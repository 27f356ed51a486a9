"""Every test of the proxy runs on both event loops: `maek sidecar` takes uvloop where there is one."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What makes the loop of a test."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.Loop}
