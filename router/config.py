"""The whole configuration: the sidecar's part, the router's part, and what must hold between them.

Rules of this file
- Every key has its default here and nowhere else; `config.yaml` repeats it and a test compares the two.
- One line says what a key does; the unit stands in its name or in that line.
- No secret is in a configuration: keys of callers are hashes, keys of backends are references.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from router.config_agent import AgentConfig
from router.config_domains import SHIPPED_DOMAINS, DomainConfig
from router.config_folder import DIRECTORY_WANTED, check_directory
from router.config_jobs import JobsConfig
from router.config_recorder import RecorderConfig
from router.config_roles import RoleConfig
from router.config_tools.section import ToolsConfig
from router.config_tracing import TracingConfig
from router.language import Language
from router.logs import LogFormat
from router.trust import Trust
from sidecar.config import (
    LISTEN_WANTED,
    ByName,
    Count,
    EmptyList,
    Name,
    Seconds,
    Section,
    SidecarConfig,
    Text,
    Word,
    nearest,
    refused,
    split_listen,
)


class LogLevel(StrEnum):
    """How much the log says."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class SessionStore(StrEnum):
    """Where conversations are kept."""

    SQLITE = "sqlite"
    MEMORY = "memory"


CLASSIFIER = "classifier"
REASONER = "reasoner"
ROLE_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    # decides and answers small talk: little imagination, and somebody waits, but not for longer
    CLASSIFIER: {"temperature": 0.3, "timeout_seconds": 20.0, "priority": "interactive"},
    REASONER: {"max_tokens": 16_000},
}
"""The two roles that always exist, and where they differ from the defaults of a role."""

ZONE_WANTED = "an IANA time zone such as Asia/Seoul, or local"
HASH_PATTERN = r"^sha256:[0-9a-f]{64}$"
HASH_WANTED = "sha256: and 64 hex digits, as maek key new prints it"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_listen(listen: str) -> str:
    split_listen(listen)
    return listen


def _check_zone(name: str) -> str:
    if name == "local":
        return name
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(name, available_timezones())
        raise refused(f"{near} (the nearest that is known)" if near else ZONE_WANTED) from None
    return name


def _check_hash(text: str) -> str:
    if re.fullmatch(HASH_PATTERN, text) is None:
        raise refused(HASH_WANTED, found="something that is no hash (not shown)")
    return text


def _with_known_roles(value: Any) -> Any:
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        return value
    names = [*ROLE_DEFAULTS, *(name for name in value if name not in ROLE_DEFAULTS)]
    return {name: _with_role_defaults(name, value.get(name)) for name in names}


def _with_role_defaults(name: str, role: Any) -> Any:
    given = {} if role is None else role
    return {**ROLE_DEFAULTS.get(name, {}), **given} if isinstance(given, Mapping) else given


class PersonaConfig(Section):
    """Who answers."""

    name: Word = "이드"
    """What the assistant calls itself."""
    description_ko: Text = "친근하고 쉬운 말로 답합니다. 꼭 필요하지 않으면 목록을 쓰지 않습니다."
    """How it speaks, in Korean conversations."""
    description_en: Text = "Friendly and plain. No lists where a sentence will do."
    """How it speaks, in English conversations."""


class LimitsConfig(Section):
    """What is refused because it is too much."""

    body_bytes: Count = 1_048_576
    """The largest request body, in bytes."""
    header_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = 16_384
    """The longest header line of a request, in bytes."""
    message_chars: Count = 100_000
    """The longest message to /chat, in characters; over /v1 a longer one goes to the reasoner undecided."""
    streams: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Chats answered at the same time; one more is told to come back later."""


class SessionsConfig(Section):
    """How conversations are remembered."""

    store: Annotated[SessionStore, ByName] = SessionStore.SQLITE
    """sqlite outlives a restart; memory does not."""
    history_tokens: Annotated[int, Field(ge=0, le=10_000_000)] = 4000
    """How much of a conversation goes into the next prompt, in tokens (estimated)."""
    max_age_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0
    """Days after its last message that a conversation is forgotten."""
    max_sessions: Count = 10_000
    """Conversations kept; beyond it the longest unused is forgotten."""
    summary: bool = True
    """Have the classifier sum up, in the background, what no longer fits into the history."""
    most_waiting: Annotated[int, Field(ge=0, le=10_000)] = 8
    """Messages of one conversation that wait for the answer to the one before; one more is refused."""
    wait_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """How long a message waits for those before it."""
    turn_seconds: Annotated[float, Field(gt=0, le=86_400)] = 1800.0
    """How long one message may be worked on before it is ended and the next ones have their turn."""


def _switched(value: Any) -> Any:
    # Whoever reads YAML by its old rules takes a plain on or off for a boolean.
    return {True: Trust.ON, False: Trust.OFF}.get(value, value) if isinstance(value, bool) else value


class DecideConfig(Section):
    """How Maek finds out what a message wants."""

    rules: Annotated[Trust, ByName, BeforeValidator(_switched)] = Trust.ON
    """Keyword rules first: they take no time and no model. shadow: they decide silently, and agreement is counted."""
    model: Annotated[Trust, ByName, BeforeValidator(_switched)] = Trust.ON
    """The embedded model, for what the rules leave: it takes no time either, and abstains unless it is sure."""
    classifier: bool = True
    """Ask the classifier role when neither is sure; without it, the reasoner answers all that is left."""
    context_tokens: Annotated[int, Field(ge=2048, le=10_000_000)] = 4096
    """Tokens of prompt and answer that the classifier takes, where its server does not tell."""
    keep_messages: bool = False
    """Keep messages with their decisions in the data folder, for `maek learn --review`; readable by its owner alone."""
    domains: tuple[DomainConfig, ...] = SHIPPED_DOMAINS
    """Subjects whose questions go to the documents without being asked to. A list here replaces the shipped one."""


class RelayConfig(Section):
    """How answers are passed on."""

    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """Backends tried for one request, as long as nothing of an answer has been sent."""
    keepalive_seconds: Seconds = 15.0
    """Seconds of silence after which a stream gets a comment, so that no proxy cuts it."""


class KeyConfig(Section):
    """A key that callers may use; in short, just its hash."""

    hash: Annotated[
        str, AfterValidator(_check_hash), Field(json_schema_extra={"pattern": HASH_PATTERN, "$comment": HASH_WANTED})
    ]
    """From maek key new; the key itself is nowhere."""
    name: Name | None = None
    """Whose it is, for the log."""

    @model_validator(mode="before")
    @classmethod
    def _a_hash_alone_is_enough(cls, value: Any) -> Any:
        return {"hash": value} if isinstance(value, str) else value


class RouterConfig(Section):
    """How chats are decided, sent and answered."""

    listen: Annotated[str, AfterValidator(_check_listen), Field(json_schema_extra={"$comment": LISTEN_WANTED})] = (
        "127.0.0.1:8484"
    )
    """Address and port; anything but this machine alone wants keys."""
    language: Annotated[Language, ByName] = Language.KO
    """The language of an answer when the message does not tell."""
    timezone: Annotated[str, AfterValidator(_check_zone), Field(json_schema_extra={"$comment": ZONE_WANTED})] = (
        "Asia/Seoul"
    )
    """What today and 3 o'clock mean; local is the zone of this machine."""
    log_level: Annotated[LogLevel, ByName] = LogLevel.INFO
    """info tells every change of state, debug every request. `POST /log` changes it while Maek runs."""
    log_format: Annotated[LogFormat, ByName] = LogFormat.TEXT
    """text: key=value for people; json: one object a line, for programs that collect logs."""
    access_log_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Part of the requests that get a line of the log, 0 to 1; those that end with 500 or more always get one."""
    access_log_slow_seconds: Annotated[float, Field(gt=0)] | None = None
    """Requests that take so long always get a line too; null: however long. An answer takes as long as it is long."""
    data_dir: (
        Annotated[str, AfterValidator(check_directory), Field(json_schema_extra={"$comment": DIRECTORY_WANTED})] | None
    ) = None
    """Where sessions, drafts and recordings live; null: the user's data folder. MAEK_DATA_DIR wins."""
    reload_on_change: bool = True
    """Take up a changed file without a restart; a broken one is reported and the old one kept."""
    persona: PersonaConfig = PersonaConfig()
    """Who answers."""
    roles: Annotated[dict[Name, RoleConfig], BeforeValidator(_with_known_roles)] = Field(
        default_factory=dict, validate_default=True
    )
    """What requests need; classifier and reasoner always exist, others are free to add."""
    limits: LimitsConfig = LimitsConfig()
    """What is refused because it is too much."""
    sessions: SessionsConfig = SessionsConfig()
    """How conversations are remembered."""
    decide: DecideConfig = DecideConfig()
    """How Maek finds out what a message wants."""
    tools: ToolsConfig = ToolsConfig()
    """What Maek can do besides chatting."""
    agent: AgentConfig = AgentConfig()
    """How far the reasoner may go with tools that it calls itself."""
    relay: RelayConfig = RelayConfig()
    """How answers are passed on."""
    jobs: JobsConfig = JobsConfig()
    """Work that is stored before it is answered for, and survives a restart."""
    recorder: RecorderConfig = RecorderConfig()
    """The flight recorder."""
    tracing: TracingConfig = TracingConfig()
    """Traces of requests, for a collector of OpenTelemetry; off unless it names one."""
    prewarm: bool = True
    """Have idle backends load the model of a role that is in use; never in place of another model."""
    keys: Annotated[tuple[KeyConfig, ...], EmptyList] = ()
    """Hashes of the keys that callers must show; empty: everybody on this machine may ask."""

    @property
    def zone(self) -> tzinfo | None:
        """For `datetime.astimezone`, where None is the zone of this machine."""
        return None if self.timezone == "local" else ZoneInfo(self.timezone)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return split_listen(self.listen)

    def data_folder(self, environ: Mapping[str, str] = os.environ) -> Path:
        """Where Maek keeps what must outlive it; the folder may not exist yet."""
        if chosen := environ.get("MAEK_DATA_DIR") or self.data_dir:
            return Path(chosen).expanduser()
        if data_home := environ.get("XDG_DATA_HOME"):
            return Path(data_home) / "maek"
        return Path("~/.local/share/maek").expanduser()


class Config(Section):
    """One file: what is watched, and how it is used."""

    sidecar: SidecarConfig = SidecarConfig()
    """How backends are found and watched."""
    router: RouterConfig = RouterConfig()
    """How chats are decided, sent and answered."""
