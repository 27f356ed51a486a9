"""Fixtures around real servers."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.real import servers


@pytest_asyncio.fixture
async def mlx() -> AsyncIterator[servers.RealServer]:
    """A freshly started `mlx_lm.server` with a tiny model whose answers end only at `max_tokens`."""
    async with servers.start(servers.mlx_executable()) as server:
        yield server
