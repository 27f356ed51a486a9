"""API keys: who is let in, and what is never said about them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.keys import ANONYMOUS, KEY_PREFIX, Keys, hash_of, new_key

KEY, HASH = new_key()
OTHER_KEY, OTHER_HASH = new_key()


def test_a_new_key_has_256_random_bits_after_its_prefix():
    key, _ = new_key()
    assert re.fullmatch(r"maek_[A-Za-z0-9_-]{43}", key)


def test_new_keys_differ():
    assert new_key() != new_key()


def test_the_hash_is_the_sha256_of_the_whole_key():
    # printf %s maek_example | sha256sum
    assert hash_of("maek_example") == "sha256:ceb89d6f37db2f4ef959427ce3e8c34beb0e2b11cc175229a78ee42481aa05a5"


def test_the_owner_is_the_beginning_of_the_hash():
    assert Keys([OTHER_HASH, HASH]).owner(f"Bearer {KEY}") == HASH.removeprefix("sha256:")[:12]


def test_each_key_has_its_own_owner():
    keys = Keys([HASH, OTHER_HASH])
    assert keys.owner(f"Bearer {KEY}") != keys.owner(f"Bearer {OTHER_KEY}")


def test_without_configured_keys_everyone_is_anonymous():
    assert Keys([]).owner(None) == ANONYMOUS
    assert Keys([]).owner(f"Bearer {KEY}") == ANONYMOUS


@pytest.mark.parametrize("header", [f"bearer {KEY}", f"BEARER {KEY}", f"Bearer   {KEY} "], ids=range(3))
def test_the_scheme_may_be_written_in_any_case_and_spaced_freely(header):
    assert Keys([HASH]).owner(header) is not None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        KEY,
        f"Basic {KEY}",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer {HASH}",
        f"Bearer {OTHER_KEY}",
        "Bearer \udcff",
        "Bearer 열쇠",
    ],
    ids=range(12),
)
def test_anything_but_a_known_key_is_refused(header):
    assert Keys([HASH]).owner(header) is None


def test_a_bare_key_works_like_the_header():
    assert Keys([HASH]).owner_of(KEY) == Keys([HASH]).owner(f"Bearer {KEY}")
    assert Keys([HASH]).owner_of(None) is None


@given(st.text())
def test_a_stranger_is_never_let_in(text):
    assert Keys([HASH, OTHER_HASH]).owner(f"Bearer {text}") is None


@pytest.mark.parametrize("entry", [KEY, "", HASH.upper(), HASH + "0", "md5:" + "0" * 64, HASH + "\n"], ids=range(6))
def test_an_entry_that_is_not_a_hash_is_named_by_its_place_and_not_repeated(entry):
    with pytest.raises(ValueError, match=r"keys\[1\] is not a hash .*`maek key new`") as caught:
        Keys([HASH, entry])
    assert not entry or entry not in str(caught.value)


def test_a_key_can_be_recognised_by_its_beginning():
    assert KEY.startswith(KEY_PREFIX)
