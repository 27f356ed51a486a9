import pytest

from router.terminal.screen import keys_in
from router.terminal.view import Key


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"q", [Key.QUIT]),
        (b"\x03", [Key.QUIT]),
        (b"jjk", [Key.DOWN, Key.DOWN, Key.UP]),
        (b"\033[A\033[B", [Key.UP, Key.DOWN]),
        (b"\033OA", [Key.UP]),
        (b"\033[5~\033[6~", [Key.PAGE_UP, Key.PAGE_DOWN]),
        (b"s \033[Bp", [Key.SORT, Key.PAUSE, Key.DOWN, Key.PAUSE]),
        ("ㅂs".encode(), [Key.SORT]),
        (b"\033", []),
        (b"", []),
    ],
)
def test_keys_are_read_out_of_what_was_typed(typed: bytes, keys: list[Key]) -> None:
    assert keys_in(typed) == keys


def test_what_means_nothing_is_passed_over() -> None:
    assert Key.QUIT not in keys_in(b"xyz\033[1;5C\xff\x00")
