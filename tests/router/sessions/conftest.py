"""Every session store, for whoever tests the contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.sessions.memory import MemorySessions
from router.sessions.sqlite import SqliteSessions
from router.sessions.store import SessionStore
from tests.router.sessions.contract import BOUNDS, SetClock


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, clock: SetClock, tmp_path: Path) -> AsyncIterator[SessionStore]:
    opened: SessionStore = (
        MemorySessions(BOUNDS, now=clock)
        if request.param == "memory"
        else await SqliteSessions.opened(tmp_path, BOUNDS, now=clock)
    )
    yield opened
    await opened.close()
