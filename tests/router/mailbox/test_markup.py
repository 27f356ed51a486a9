"""Web pages in mails, as a reader would see them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.mailbox.markup import MOST_CHARACTERS, MOST_LINK_CHARACTERS, short, text_of


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>one<p>two", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one<br></div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("<h1>one</h1><div><p>two</p></div>", "one\n\ntwo"),
        ("a<br>b", "a\nb"),
        ("<b>a</b><i>b</i>", "ab"),
        ("<p>a\n  b</p>", "a b"),
        ("<table><tr><td>a<td>b</tr></table>", "a b"),
        ("&lt;b&gt; &amp; &#54620;", "<b> & 한"),
        ("<script>alert(1)</script>x<style>p{}</style>", "x"),
        ("<!-- no -->x<!--[if mso]>y<![endif]-->", "x"),
        ("<html><head><title>t</title><body>x", "x"),
        ('<div style="display: none">preheader<div>in</div>er</div>x', "x"),
        ("<p hidden>no</p>x", "x"),
        ("<div hidden><b>no</b></div>x", "x"),
        ('<span style="font-size:0">no</span>x', "x"),
        ('<span style="font-size:0.9em">yes</span>', "yes"),
        ('<img style="display:none">x', "x"),
        ('<img alt="로고"> <img alt=""><img>', "로고"),
        ("<script><img hidden></script>x", "x"),
        ('<a href="https://bank.example/login?token=1#a">은행</a>', "은행 [https://bank.example/login]"),
        ('<a href="https://evil.example/">https://bank.example</a>', "https://bank.example [https://evil.example]"),
        ('<a href="https://bank.example/">https://bank.example/</a>', "https://bank.example/"),
        ('<a href="javascript:x()">y</a> <a>z</a>', "y z"),
        ('<a href="https://x.example"></a>', ""),
        ("</p></a></script>x", "x"),
        ("x<p", "x<p"),
        ("a < b <3", "a < b <3"),
        ("<!doctype html><?xml?>x<!-- never ended", "x"),
        ("<textarea>a<b>c</textarea>x<script>never ended", "x"),
        ("<svg><svg></svg><p>no</svg>x", "x"),
        ("a\0b\1c", "abc"),
    ],
)
def test_a_page_says(page: str, text: str) -> None:
    assert text_of(page) == text


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("https://bank.example@evil.example/a", "[https://evil.example/a]"),
        ("mailto:a@example.com", ""),
        ("https:///x", ""),
        ("http://[broken", ""),
        ("https://a.example/" + "x" * 90, "[https://a.example/" + "x" * (MOST_LINK_CHARACTERS - 18) + "…]"),
    ],
)
def test_a_link_is_told_short_and_by_its_host(link: str, told: str) -> None:
    assert short(link) == told


@given(st.text(st.sampled_from("<>/!-aApscrit =\"'&;#x1\n"), max_size=80))
def test_no_page_makes_it_fail(page: str) -> None:
    assert "<script>" not in text_of(page) or "&lt" in page or "&#" in page


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<!--",
        "<a ",
        "<a x=",
        "</",
        "&",
        "<![",
        "<?",
        "<script>",
        "<div hidden>",
        "<p>",
        "<td> ",
        '<a b="',
        "</script",
    ],
)
def test_a_page_made_to_be_slow_is_read_in_little_time(piece: str) -> None:
    # A time, and no law: what is not linear takes minutes here.
    begun = time.process_time()
    text_of(piece * (MOST_CHARACTERS // len(piece)))
    assert time.process_time() - begun < 20
