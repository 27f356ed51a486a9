"""Connections that are kept for the next request, and what happens when servers close them."""

import pytest

from router import connections
from router.attempt import AttemptFailed
from sidecar import Outcome
from tests.fakes.sinks import Kept
from tests.fakes.upstreams import (
    DONE,
    OK_STREAM,
    ROLE,
    STOP,
    WHOLE_STREAM,
    Heard,
    in_turn,
    saying,
    token,
    upstream,
)
from tests.router.relaying import relayed, relaying


async def test_a_request_on_a_kept_connection_that_breaks_is_sent_again_on_a_fresh_one() -> None:
    async def script(heard: Heard) -> None:
        if heard.on_connection:
            heard.close()  # announced to keep the connection, and closes it on the next request
        else:
            await heard.send(WHOLE_STREAM)

    async with upstream(script) as server, relaying() as relay:
        for _ in range(200):
            sink = Kept()
            await relayed(relay, server.url, sink)
            assert sink.bytes == ROLE + token("hi") + STOP + DONE
    assert 300 <= len(server.heard) <= 399  # every other one met a kept connection, but for those closed early


async def test_a_server_that_closes_after_each_answer_that_it_announced_to_keep_never_fails() -> None:
    async with upstream(saying(WHOLE_STREAM, then=Heard.close)) as server, relaying() as relay:
        for _ in range(200):
            await relayed(relay, server.url, Kept())
    assert server.connections >= 200


async def test_a_fresh_connection_that_breaks_is_a_failure_and_is_not_sent_again() -> None:
    async with upstream(saying(b"", then=Heard.close)) as server, relaying() as relay:
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, Kept())
    assert (failed.value.outcome, len(server.heard)) == (Outcome.BACKEND_ERROR, 1)


async def test_a_backend_that_breaks_on_the_fresh_connection_too_has_failed() -> None:
    script = in_turn(saying(WHOLE_STREAM), saying(b"", then=Heard.close))
    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, Kept())
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, Kept())
    assert (failed.value.outcome, len(server.heard)) == (Outcome.BACKEND_ERROR, 3)


async def test_a_kept_connection_that_breaks_after_a_byte_of_answer_is_not_sent_again() -> None:
    script = in_turn(saying(WHOLE_STREAM), saying(OK_STREAM, then=Heard.close))
    async with upstream(script) as server, relaying() as relay:
        await relayed(relay, server.url, Kept())
        with pytest.raises(AttemptFailed) as failed:
            await relayed(relay, server.url, Kept())
    assert (failed.value.outcome, len(server.heard)) == (Outcome.TRUNCATED, 2)


def test_connections_are_dropped_before_servers_close_them() -> None:
    assert connections.IDLE_CONNECTION_SECONDS < 5.0


async def test_the_pool_keeps_connections_no_longer_than_that() -> None:
    async with relaying() as relay:
        connector = relay._connections.pooled.connector
        assert connector is not None
        assert connector._keepalive_timeout == connections.IDLE_CONNECTION_SECONDS
