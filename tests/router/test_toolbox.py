"""What the tools are built of, out of a configuration."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.config_load import loads
from router.errors import ToolFailed
from router.keys import ANONYMOUS, Keys, hash_of
from router.toolbox import toolbox
from router.tools.agenda.account_words import AccountFailed, Trouble
from router.tools.call import call
from tests.router.tools.calendars import asking

CALENDAR = """
router:
  keys:
    - {{name: kim, hash: "{kim}"}}
    - {{name: kim-phone, hash: "{phone}"}}
    - {{name: lee, hash: "{lee}"}}
    - {{hash: "{park}"}}
  tools:
    calendar:
      kind: caldav
      accounts:
        kims: {{url: "http://127.0.0.1:1/", username: kim, password: "file:{file}", keys: [kim, kim-phone]}}
        lees: {{url: "http://127.0.0.1:1/", username: lee, password: "file:{file}", keys: [lee]}}
"""
SHARED = '        house: {{url: "http://127.0.0.1:1/", username: h, password: "file:{file}", everyone: true}}\n'
NAMES = ("kim", "phone", "lee", "park")


def no_session() -> aiohttp.ClientSession:
    raise AssertionError("nothing is opened before it is used")


async def account_of(text: str, folder: Path, owner: str) -> str | Trouble:
    """The name of the account that an owner is given, as its failure tells it."""
    file = folder / "password"
    file.write_text("open-sesame")
    told: dict[str, Any] = {name: hash_of(name) for name in NAMES} | {"file": file}
    tools = toolbox(loads(text.format(**told)), no_session)
    with pytest.raises(ToolFailed) as failure:
        await call(tools, "calendar", "today", {}, asking(owner=owner))
    cause = failure.value.__cause__
    assert isinstance(cause, AccountFailed)
    assert "sesame" not in str(failure.value) + repr(cause)
    return cause.account or cause.trouble


@pytest.mark.parametrize(
    ("key", "account", "with_shared"),
    [
        ("kim", "kims", "kims"),
        ("phone", "kims", "kims"),
        ("lee", "lees", "lees"),
        ("park", Trouble.NO_ACCOUNT, "house"),
    ],
)
async def test_a_key_has_the_account_that_names_it_else_the_one_for_everyone(
    tmp_path: Path, key: str, account: str | Trouble, with_shared: str
) -> None:
    owner = Keys([hash_of(name) for name in NAMES]).owner_of(key)
    assert owner is not None
    assert await account_of(CALENDAR, tmp_path, owner) == account
    assert await account_of(CALENDAR + SHARED, tmp_path, owner) == with_shared


async def test_without_keys_everybody_has_the_one_for_everyone(tmp_path: Path) -> None:
    text = CALENDAR[: CALENDAR.index("  keys:")] + CALENDAR[CALENDAR.index("  tools:") : CALENDAR.index("        kims")]
    assert await account_of(text + SHARED, tmp_path, ANONYMOUS) == "house"
