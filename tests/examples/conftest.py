"""One world for the tests of a module; which service it has, the module says."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.examples.worlds import World, world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(service: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World[Any]]:
    """What runs all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MAEK_DATA_DIR", raising=False)
        async with world(service, tmp_path_factory.mktemp("world")) as chat:
            yield chat


@pytest_asyncio.fixture(loop_scope="module")
async def chat(started: World[Any]) -> AsyncIterator[World[Any]]:
    """The same for one test. The bot must have done nothing that the real service would have refused."""
    await started.begin()
    yield started
    assert started.screen.faults == []
