import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.redaction import HIDDEN, redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"api_key": "open-sesame"}', '{"api_key": "[hidden]"}'),
        ('{"admin_api_key":"open-sesame","port":1}', '{"admin_api_key":"[hidden]","port":1}'),
        ('"{\\"api_key\\": \\"open-sesame\\"}"', '"{\\"api_key\\": \\"[hidden]\\"}"'),
        ("ServerArgs(model='a', api_key='open-sesame', tp=1)", "ServerArgs(model='a', api_key='[hidden]', tp=1)"),
        (
            '["--model","a","--api-key","open-sesame","--port","0"]',
            '["--model","a","--api-key","[hidden]","--port","0"]',
        ),
        ("--hf-token open-sesame --port 0", "--hf-token [hidden] --port 0"),
        ("--api-key=open-sesame", "--api-key=[hidden]"),
        ("Authorization: Bearer open-sesame", "Authorization: Bearer [hidden]"),
        ("Incorrect API key provided: sk-open-sesame.", "Incorrect API key provided: [hidden]."),
        ("hf_AbCdEfGhIjKlMn", "[hidden]"),
        ("http://user:open-sesame@gpu:8000/v1", "http://[hidden]@gpu:8000/v1"),
    ],
)
def test_what_looks_like_a_key_is_hidden(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        '{"max_total_num_tokens": 524288, "token_usage": 0.5}',
        '{"bos_token_id": 1, "tokens": ["a"]}',
        "llamacpp:prompt_tokens_total 12",
        '{"error": "it wants a key; set api_key of this backend"}',
        "http://gpu:8000/metrics?x=1",
        "sk-1",
    ],
)
def test_what_only_speaks_of_keys_and_tokens_is_shown(text: str) -> None:
    assert redacted(text) == text


@given(st.text(), st.text(min_size=1), st.text())
def test_a_secret_that_is_known_is_never_shown(before: str, secret: str, after: str) -> None:
    shown = redacted(before + secret + after, [secret])
    assert secret not in shown.replace(HIDDEN, "")


def test_nothing_to_hide_hides_nothing() -> None:
    assert redacted("as it is", ["", None]) == "as it is"


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["--api-key" * 200_000, "token" * 300_000, "://" + "a" * 1_000_000, "api_key='" * 100_000]
)
def test_a_hostile_answer_costs_its_length_and_no_more(text: str) -> None:
    redacted(text)
