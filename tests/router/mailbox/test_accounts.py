"""Whose mailbox is whose."""

from collections.abc import Mapping

import pytest

from router.config_load import loads
from router.keys import ANONYMOUS
from router.mailbox.accounts import ConfiguredMailboxes, mailboxes
from router.mailbox.imap import ImapMailbox
from router.tools.letters import MailFailed, Trouble

ENVIRON = {"MAIL": "open-sesame"}


def account(name: str, more: str = "") -> str:
    return f"{name}: {{host: imap.example.com, username: {name}@example.com, password: env:MAIL{more}}}"


KEYS = f"keys: [{{name: ann, hash: 'sha256:{'a' * 64}'}}, {{name: bob, hash: 'sha256:{'b' * 64}'}}]"
ANN, BOB = "a" * 12, "b" * 12


def configured(*accounts: str, keys: str = KEYS, environ: Mapping[str, str] = ENVIRON) -> ConfiguredMailboxes:
    text = f"router:\n  {keys}\n  tools: {{email: {{accounts: {{{', '.join(accounts)}}}}}}}\n"
    found = mailboxes(loads(text, ENVIRON), environ)
    assert found is not None
    return found


def account_of(boxes: ConfiguredMailboxes, owner: str) -> str | None:
    box = boxes.of(owner)
    assert box is None or isinstance(box, ImapMailbox)
    return None if box is None else box.account


def test_without_accounts_there_is_no_mail() -> None:
    assert mailboxes(loads(""), {}) is None


def test_each_key_has_the_account_that_names_it_and_no_other() -> None:
    boxes = configured(account("ann", ", keys: [ann]"))
    assert account_of(boxes, ANN) == "ann@example.com@imap.example.com:993"
    assert account_of(boxes, BOB) is None
    assert account_of(boxes, ANONYMOUS) is None


def test_an_account_of_everyone_is_of_those_who_have_none_of_their_own() -> None:
    boxes = configured(account("ann", ", keys: [ann], security: starttls"), account("all", ", everyone: true"))
    assert account_of(boxes, ANN) == "ann@example.com@imap.example.com:143"
    assert account_of(boxes, BOB) == "all@example.com@imap.example.com:993"


def test_without_keys_there_is_one_user() -> None:
    boxes = configured(account("me", ", everyone: true"), keys="keys: []")
    assert account_of(boxes, ANONYMOUS) == "me@example.com@imap.example.com:993"


def test_an_account_has_one_mailbox_however_often_it_is_asked() -> None:
    boxes = configured(account("me", ", everyone: true"))
    assert boxes.of(ANN) is boxes.of(BOB)


def test_the_password_is_read_when_it_is_needed() -> None:
    environ = dict(ENVIRON)
    boxes = configured(account("me", ", everyone: true, ca_file: ~/ca.pem, port: 1993"), environ=environ)
    box = boxes.of(ANN)
    assert isinstance(box, ImapMailbox)
    server = box.server()
    assert (server.password, server.port, server.starttls) == ("open-sesame", 1993, False)
    assert not (server.ca_file or "~").startswith("~")
    environ["MAIL"] = "another"
    assert box.server().password == "another"
    del environ["MAIL"]
    with pytest.raises(MailFailed) as raised:
        box.server()
    assert raised.value.trouble is Trouble.SECRET
    assert "open-sesame" not in repr(boxes)


def test_two_accounts_of_one_user_on_one_server_keep_their_own_folders() -> None:
    boxes = configured(
        account("ann", ", keys: [ann], folders: [INBOX, Private]"),
        account("ann", ", keys: [bob]").replace("ann:", "team:", 1),
    )
    found = [boxes.of(owner) for owner in (ANN, BOB)]
    assert [one.folders for one in found if isinstance(one, ImapMailbox)] == [
        ("INBOX", "Private"),
        ("INBOX",),
    ]
