"""Accounts on servers, whose they are, and what must hold between them and the keys.

Rules of this file
- Faults are found in raw values, so that they are told although other keys are wrong.
- An account that nobody sees is a mistake, and so is one that might be seen by somebody who was not meant.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field

from router.config_folder import DIRECTORY_WANTED, check_directory
from sidecar.config import EmptyList, Fault, Loc, Name, SecretReference, Section, mapping, one_of, reference_faults


class AccountConfig(Section):
    """An account on a server, and whose it is."""

    password: SecretReference
    """Where its password is; many servers want an app password."""
    keys: Annotated[tuple[Name, ...], EmptyList] = ()
    """Names of router.keys; whoever shows one of them sees this account."""
    everyone: bool = False
    """Whoever has no account of his own sees this one, and everybody does while there are no keys."""
    ca_file: (
        Annotated[str, AfterValidator(check_directory), Field(json_schema_extra={"$comment": DIRECTORY_WANTED})] | None
    ) = None
    """A file with the certificates to trust for it (PEM), for a server with one of its own; null: the system's."""


A = TypeVar("A", bound=AccountConfig)


def account_of_everyone(accounts: Mapping[str, A]) -> str | None:
    """The name of the account that whoever has none of his own sees."""
    return next((name for name, account in accounts.items() if account.everyone), None)


def account_of_keys(accounts: Mapping[str, A]) -> dict[str, str]:
    """The name of a key → that of its account."""
    return {key: name for name, account in accounts.items() for key in account.keys}


def account_faults(
    where: Loc, accounts: Mapping[str, Any], key_names: Sequence[str], environ: Mapping[str, str]
) -> Iterator[Fault]:
    """What is wrong with the accounts at `where`; `key_names`: those of router.keys."""
    told = {name: mapping(account) for name, account in accounts.items()}
    for name, account in told.items():
        yield from reference_faults((*where, name, "password"), account.get("password"), environ)
    yield from _audience_faults(where, told, key_names)


def _audience_faults(
    where: Loc, accounts: Mapping[str, Mapping[str, Any]], key_names: Sequence[str]
) -> Iterator[Fault]:
    """Who sees which account: everybody knows one at most, and every account is somebody's."""
    owners: dict[str, str] = {}
    shared: str | None = None
    for name, account in accounts.items():
        keys = account.get("keys")
        named = [key for key in keys if isinstance(key, str)] if isinstance(keys, tuple) else []
        for index, key in enumerate(named):
            loc: Loc = (*where, name, "keys", index)
            if key not in key_names:
                yield Fault(loc, "an unknown key", f"{one_of(key, key_names)}, or this name under router.keys")
            elif owners.setdefault(key, name) != name:
                yield Fault(loc, f"a key that has the account {owners[key]} already", "one account for each key")
        if account.get("everyone") is True:
            if shared is not None:
                loc = (*where, name, "everyone")
                yield Fault(loc, f"a second account for everyone, after {shared}", "one at most")
            shared = shared or name
        elif not named:
            wanted = "names of router.keys under keys, or everyone: true"
            yield Fault((*where, name), "an account that nobody sees", wanted)
