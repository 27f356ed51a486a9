"""Who may be told, and how he knows who speaks."""

import hashlib
import hmac

import pytest

from router.errors import BadRequest
from router.jobs.webhooks import allowed, checked, headers, signature
from router.plain_urls import LONGEST_URL, is_plain_url

ALLOWED = ("https://bot.example.com/hooks/", "http://10.0.0.5:9000")


@pytest.mark.parametrize(
    "url",
    [
        "https://bot.example.com/hooks/1",
        "https://bot.example.com/hooks/?a=b",
        "https://BOT.example.com:443/hooks/x/y",
        "http://10.0.0.5:9000",
        "http://10.0.0.5:9000/any/where?x=1",
    ],
)
def test_what_is_under_an_allowed_address_is_allowed(url: str) -> None:
    assert checked(url, ALLOWED) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://bot.example.com/hooks/1",
        "https://bot.example.com/hooksy",
        "https://bot.example.com/other",
        "https://bot.example.com:8443/hooks/1",
        "https://bot.example.com.evil.test/hooks/1",
        "https://bot.example.comevil/hooks/",
        "http://10.0.0.5:90001/",
        "http://10.0.0.5/",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_what_is_not_is_refused(url: str) -> None:
    assert not allowed(url, ALLOWED)
    with pytest.raises(BadRequest, match="not among"):
        checked(url, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "https://bot.example.com/hooks/../admin",
        "https://bot.example.com/hooks/%2e%2e/admin",
        "https://bot.example.com/hooks/..%2Fadmin",
        "https://bot.example.com/hooks/.",
        "https://user:pass@bot.example.com/hooks/",
        "https://bot.example.com@evil.test/hooks/",
        "https://bot.example.com\\@evil.test/hooks/",
        "https://bot.example.com/hooks/#x",
        "https://bot.example.com/hooks/ x",
        "https://bot.example.com/hooks/\r\nx: y",
        "https://bot.example.com/hooks/\n",
        "https://봇.example.com/hooks/",
        "ftp://bot.example.com/hooks/",
        "file:///etc/passwd",
        "bot.example.com/hooks/",
        "",
        "https://bot.example.com/hooks/" + "x" * LONGEST_URL,
    ],
)
def test_what_two_programs_may_read_differently_is_refused(url: str) -> None:
    assert not is_plain_url(url)
    assert not allowed(url, ("https://bot.example.com/", "https://evil.test/"))
    with pytest.raises(BadRequest, match="wanted http"):
        checked(url, ALLOWED)


def test_without_a_list_nobody_is_told_and_the_caller_learns_why() -> None:
    with pytest.raises(BadRequest, match=r"router\.jobs\.webhooks\.allow") as refusal:
        checked("https://bot.example.com/hooks/1", ())
    assert refusal.value.param == "webhook"


def test_addresses_of_ipv6_have_their_usual_port_too() -> None:
    assert allowed("http://[::1]/x", ("http://[::1]:80/",))
    assert not allowed("http://[::1]:81/x", ("http://[::1]/",))


def test_a_signature_is_hmac_sha256_over_time_and_body() -> None:
    wanted = hmac.new(b"sesame", b'1800000000.{"id":1}', hashlib.sha256).hexdigest()
    assert signature("sesame", "1800000000", b'{"id":1}') == f"v1={wanted}"
    sent = headers("sesame", "j1", 1_800_000_000.9, b'{"id":1}')
    assert sent["x-maek-timestamp"] == "1800000000"
    assert sent["x-maek-signature"] == f"v1={wanted}"
    assert sent["x-maek-job"] == "j1"


def test_another_time_or_body_has_another_signature() -> None:
    assert (
        len(
            {signature("s", "1", b"a"), signature("s", "2", b"a"), signature("s", "1", b"b"), signature("t", "1", b"a")}
        )
        == 4
    )
