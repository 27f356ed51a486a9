"""The router's part of the configuration."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from router.config import Config, KeyConfig, RouterConfig, is_loopback
from router.config_domains import SHIPPED_DOMAINS
from router.config_roles import PriorityName, RoleConfig
from router.keys import hash_of
from sidecar.config import split_listen


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8484", ("127.0.0.1", 8484)),
        ("[::1]:8484", ("::1", 8484)),
        ("localhost:0", ("localhost", 0)),
        ("maek.example.org:65535", ("maek.example.org", 65535)),
    ],
)
def test_an_address_has_a_host_and_a_port(listen: str, address: tuple[str, int]) -> None:
    assert split_listen(listen) == address
    assert RouterConfig(listen=listen).address == address


@pytest.mark.parametrize(
    "listen",
    [
        "", "8484", ":8484", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:8484", "[::1]", "[::g]:1", "[1]:1",
        "a b:1", "a:1\n", "http://a:1", "[::1]:-1",
    ],
)  # fmt: skip
def test_anything_else_is_no_address(listen: str) -> None:
    with pytest.raises(ValidationError):
        RouterConfig(listen=listen)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("LocalHost", True),
        ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("mini", False), ("128.0.0.1", False),
    ],
)  # fmt: skip
def test_only_this_machine_reaches_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_the_zone_is_the_one_that_is_named_or_that_of_this_machine() -> None:
    assert RouterConfig().zone == ZoneInfo("Asia/Seoul")
    assert RouterConfig(timezone="local").zone is None
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    assert moment.astimezone(RouterConfig().zone).hour == 9


@pytest.mark.parametrize("name", ["", "Seoul", "../../etc/passwd", "/etc/localtime", "Asia", "UTC\0", "KST+9"])
def test_a_zone_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        RouterConfig(timezone=name)


def test_two_roles_always_exist_with_defaults_of_their_own() -> None:
    roles = RouterConfig().roles
    assert roles == {
        "classifier": RoleConfig(temperature=0.3, timeout_seconds=20.0, priority=PriorityName.INTERACTIVE),
        "reasoner": RoleConfig(max_tokens=16_000),
    }


def test_a_role_keeps_its_defaults_where_nothing_is_said() -> None:
    told = {"roles": {"classifier": {"temperature": 0.5}, "reasoner": None, "embedder": None}}
    assert RouterConfig.model_validate(told).roles == {
        "classifier": RoleConfig(temperature=0.5, timeout_seconds=20.0, priority=PriorityName.INTERACTIVE),
        "reasoner": RoleConfig(max_tokens=16_000),
        "embedder": RoleConfig(),
    }


def test_a_role_may_be_free_of_its_default() -> None:
    told = {"roles": {"reasoner": {"max_tokens": None}}}
    assert RouterConfig.model_validate(told).roles["reasoner"].max_tokens is None


def test_roles_may_be_given_as_sections() -> None:
    assert RouterConfig(roles={"reasoner": RoleConfig(max_tokens=1)}).roles["reasoner"].max_tokens == 1


@pytest.mark.parametrize(
    "told", [{}, {"router": None}, {"router": {"roles": None, "keys": None, "limits": None, "tools": {"infra": None}}}]
)
def test_nothing_is_the_default_everywhere(told: dict[str, object]) -> None:
    assert Config.model_validate(told) == Config()


def test_a_hash_alone_is_a_key() -> None:
    digest = hash_of("open-sesame")
    told = RouterConfig.model_validate({"keys": (digest, {"hash": digest, "name": "bot"})})
    assert told.keys == (KeyConfig(hash=digest), KeyConfig(hash=digest, name="bot"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "open-sesame",
        "sha256:",
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "SHA256:" + "0" * 64,
        "sha256:" + "G" * 64,
    ],
)
def test_what_is_no_hash_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        RouterConfig.model_validate({"keys": (text,)})
    assert "sesame" not in str(refusal.value)


@pytest.mark.parametrize("folder", ["/var/lib/maek", "~/maek"])
def test_a_data_folder_is_absolute(folder: str) -> None:
    assert RouterConfig(data_dir=folder).data_folder({}) == Path(folder).expanduser()


@pytest.mark.parametrize("folder", ["", "data", "./data", "~maek", "/a\0b"])
def test_any_other_data_folder_is_refused(folder: str) -> None:
    with pytest.raises(ValidationError):
        RouterConfig(data_dir=folder)


def test_the_environment_chooses_the_data_folder_before_the_file_does() -> None:
    told = RouterConfig(data_dir="/from/file")
    assert told.data_folder({"MAEK_DATA_DIR": "/from/environment"}) == Path("/from/environment")
    assert told.data_folder({"MAEK_DATA_DIR": ""}) == Path("/from/file")
    assert RouterConfig().data_folder({"XDG_DATA_HOME": "/xdg"}) == Path("/xdg/maek")
    assert RouterConfig().data_folder({}) == Path.home() / ".local/share/maek"


def test_the_shipped_domains_share_no_word() -> None:
    terms = [term.casefold() for domain in SHIPPED_DOMAINS for term in domain.terms]
    assert len(terms) == len(set(terms))


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("http://127.0.0.1:9000/health", True), ("https://docs", True), ("https://docs/a/@b", True),
        ("docs/health", False), ("http://u:p@docs/", False), ("http://", False), ("http://a b/", False),
    ],
)  # fmt: skip
def test_a_service_is_asked_at_a_url_without_credentials(url: str, fine: bool) -> None:
    told = {"router": {"tools": {"infra": {"services": {"docs": {"url": url}}}}}}
    if fine:
        assert Config.model_validate(told).router.tools.infra.services["docs"].url == url
    else:
        with pytest.raises(ValidationError):
            Config.model_validate(told)
