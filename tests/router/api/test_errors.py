"""Errors as bodies, in each dialect."""

import orjson
import pytest

from router.api.errors import error_response
from router.errors import BackendFailed, BadRequest, Shed


@pytest.mark.parametrize("path", ["/chat", "/v1/chat/completions"])
def test_the_code_is_the_same_in_every_dialect_and_the_parameter_is_named(path: str) -> None:
    response = error_response(path, BadRequest("model: missing.", param="model"), "r1")
    assert isinstance(response.body, bytes)
    body = orjson.loads(response.body)["error"]
    assert (response.status, body["code"], body["param"], body["message"]) == (
        400, "bad_request", "model", "model: missing."
    )  # fmt: skip
    assert response.headers["x-request-id"] == "r1"
    assert "retry-after" not in response.headers


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (7.0, "7"), (7.1, "8")])
def test_where_waiting_helps_the_wait_is_told_in_whole_seconds(seconds: float, header: str) -> None:
    response = error_response("/chat", Shed("full", retry_after_seconds=seconds), "r1")
    assert response.headers["retry-after"] == header


def test_clients_are_told_not_to_ask_again_before_something_is_mended() -> None:
    lasting = error_response("/v1/chat/completions", BackendFailed("its key is wrong", lasting=True), "r1")
    passing = error_response("/v1/chat/completions", BackendFailed("it broke"), "r1")
    assert lasting.headers["x-should-retry"] == "false"
    assert "x-should-retry" not in passing.headers
