"""Valid configurations, for properties."""

from typing import Any

from hypothesis import strategies as st

from router import config as router_config
from router import config_jobs, config_roles
from router.config import Config
from router.config_domains import DomainConfig
from router.config_tools import calendars as calendar_config
from router.config_tools import documents as documents_config
from router.config_tools import infra as infra_config
from router.config_tools import mail as mail_config
from router.config_tools import mcp as mcp_config
from router.config_tools.section import ToolsConfig
from router.language import Language
from sidecar import config as sidecar_config
from sidecar.config import ENGINE_NAMES

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,10}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30) | st.sampled_from(
    ["1e3", "on", "null", "0x1f", "12:30", "- a", "a: b", "#", " a", "a ", "'", '"', "\x85", "\u2028", "\x7f", "\ufeff"]
)
seconds = st.floats(min_value=0, max_value=86_400, exclude_min=True)


def levels(highest: float) -> st.SearchStrategy[tuple[float | None, ...]]:
    """Three rising numbers, any of them left out."""
    rising = st.lists(st.floats(0, highest), min_size=3, max_size=3, unique=True).map(sorted)
    kept = st.tuples(st.booleans(), st.booleans(), st.booleans())
    return st.builds(
        lambda numbers, keep: tuple(n if k else None for n, k in zip(numbers, keep, strict=True)), rising, kept
    )


def sections(model: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Sections in which some of these fields are given."""
    return st.fixed_dictionaries({}, optional=fields).map(lambda given: model(**given))


thresholds = sections(
    sidecar_config.ThresholdsConfig,
    slowdown=levels(100),
    silence_times_bearable=levels(100),
    active_jobs_per_slot=levels(100),
    waiting_requests=levels(100),
    kv_usage_ratio=levels(1),
    inference_seconds=levels(100),
    health_times_baseline=levels(100),
    probe_age_intervals=levels(100),
    health_floor_seconds=st.floats(0, 3600),
    queue_active=st.integers(0, 100),
    hysteresis_ratio=st.floats(0, 0.5),
)
queues = sections(
    config_roles.QueueConfig, most=st.integers(0, 100_000), most_wait_seconds=seconds, rise_seconds=seconds
)
roles = sections(
    config_roles.RoleConfig,
    system_prompt=st.none() | texts,
    temperature=st.none() | st.floats(0, 2),
    max_tokens=st.none() | st.integers(1, 100_000),
    timeout_seconds=seconds,
    policy=st.sampled_from(config_roles.PolicyName),
    priority=st.none() | st.sampled_from(config_roles.PriorityName),
    queue=queues,
)
domains = st.builds(
    DomainConfig,
    name=names,
    terms=st.lists(texts, min_size=1, max_size=3).map(tuple),
    patterns=st.lists(st.sampled_from([r"제\s*\d+조", "a|b"]), max_size=2).map(tuple),
    prefer=st.sampled_from(["ask", "search_full", "search"]),
)
machines: dict[str, st.SearchStrategy[Any]] = {
    "local": st.booleans(),
    "address": st.sampled_from([None, "gpu-server", "100.64.0.7", "fd7a::1"]),
    "docker": st.sampled_from([None, "unix:///run/docker.sock", "tcp://nas:2376", "ssh://me@nas:2222", "ssh://nas"]),
    "node_exporter": st.sampled_from([None, "http://nas:9100", "http://nas:9100/metrics"]),
    "gpu_exporter": st.sampled_from([None, "http://nas:9400"]),
}
jobs = sections(
    config_jobs.JobsConfig,
    concurrency=st.integers(1, 1000),
    pools=st.dictionaries(st.sampled_from(["classifier", "reasoner"]), st.integers(1, 9), max_size=2),
    attempts=st.integers(1, 100),
    retry_seconds=seconds,
    keep_hours=st.floats(0, 8760, exclude_min=True),
    webhooks=st.just(config_jobs.WebhooksConfig(allow=("https://bot.example.com/hooks/",), secret="env:MAEK_TEST_KEY")),
)
keys = st.builds(
    router_config.KeyConfig, hash=st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True), name=st.none() | names
)
accounts = st.builds(
    calendar_config.CalendarAccountConfig,
    url=st.sampled_from(["http://nas:5232", "https://cloud.example.org/remote.php/dav/"]),
    username=st.sampled_from(["kim", "kim@example.org", "김"]),
    password=st.just("env:MAEK_TEST_KEY"),
    everyone=st.just(True),
    calendars=st.lists(texts, max_size=2).map(tuple),
    write=st.none() | texts,
    ca_file=st.sampled_from([None, "~/ca.pem"]),
)
calendars = sections(
    calendar_config.CalendarConfig,
    kind=st.sampled_from([calendar_config.CalendarKind.LOCAL, calendar_config.CalendarKind.NONE]),
    accounts=st.dictionaries(names, accounts, max_size=2),
) | st.builds(
    calendar_config.CalendarConfig,
    kind=st.just(calendar_config.CalendarKind.CALDAV),
    accounts=st.dictionaries(names, accounts, min_size=1, max_size=1),
)
mcp_ways = st.sampled_from(
    [
        {"command": "uvx", "args": ("mcp-server-time",), "cwd": "~/servers"},
        {"command": "server", "env": {"TOKEN": "env:MAEK_TEST_KEY"}},
        {"url": "http://127.0.0.1:9100/mcp", "headers": {"Authorization": "env:MAEK_TEST_KEY"}},
    ]
)
mcp_servers = st.builds(
    lambda way, **given: mcp_config.McpServerConfig(**way, **given),
    mcp_ways,
    title=st.none() | texts,
    allow=st.lists(texts, max_size=2).map(tuple),
    confirm=st.sampled_from(mcp_config.Confirm),
    timeout_seconds=seconds,
)
mcp_names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,10}", fullmatch=True)
mcp = sections(mcp_config.McpConfig, servers=st.dictionaries(mcp_names, mcp_servers, max_size=2))


def _documents(role_names: list[str]) -> st.SearchStrategy[Any]:
    role = st.none() | st.sampled_from(role_names)
    given = {
        "folder": st.sampled_from([None, "/srv/docs", "~/my docs"]),
        "api_key": st.sampled_from([None, "env:MAEK_TEST_KEY"]),
        "timeout_seconds": st.floats(0.1, 120),
        "answer_role": role,
        "answer_seconds": st.floats(0.1, 600),
        "rerank_role": role,
        "embed_role": role,
    }
    kind, url = documents_config.DocumentKind, "http://nas:9000/documents"
    elsewhere = sections(documents_config.DocumentConfig, **given).map(
        lambda section: section.model_copy(update={"kind": kind.REMOTE, "url": url})
    )
    here = sections(documents_config.DocumentConfig, kind=st.sampled_from([kind.LOCAL, kind.NONE]), **given)
    return elsewhere | here


def _mail(key_names: list[str]) -> st.SearchStrategy[mail_config.EmailConfig]:
    """At most one account: of some keys, or of everybody."""
    shared = {"everyone": st.just(True)}
    owned = {"keys": st.lists(st.sampled_from(key_names), min_size=1, unique=True).map(tuple)} if key_names else shared
    account = st.sampled_from([shared, owned]).flatmap(
        lambda whose: st.builds(
            mail_config.MailAccountConfig,
            host=st.sampled_from(["imap.example.com", "::1"]),
            port=st.none() | st.integers(1, 65_535),
            security=st.sampled_from(mail_config.MailSecurity),
            ca_file=st.sampled_from([None, "/etc/ca.pem"]),
            username=st.sampled_from(["me@example.com", "a b"]),
            password=st.just("env:MAEK_TEST_KEY"),
            folders=st.sampled_from([("INBOX",), ("INBOX", "보낸편지함")]),
            **whose,
        )
    )
    accounts = st.dictionaries(names, account, max_size=1)
    return sections(mail_config.EmailConfig, accounts=accounts, timeout_seconds=seconds)


def _backends(role_names: list[str]) -> st.SearchStrategy[tuple[Any, ...]]:
    backend = st.builds(
        sidecar_config.BackendConfig,
        name=names,
        url=st.builds(
            "{}://{}:{}".format, st.sampled_from(["http", "https"]), st.sampled_from("abc"), st.integers(1, 65_535)
        ),
        engine=st.sampled_from(ENGINE_NAMES),
        slots=st.none() | st.integers(1, 100),
        api_key=st.sampled_from([None, "env:MAEK_TEST_KEY"]),
        models=st.dictionaries(st.sampled_from(role_names), texts, max_size=2),
    )
    return st.lists(backend, max_size=4, unique_by=(lambda one: one.name, lambda one: one.url)).map(tuple)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Whole configurations whose parts fit together; the environment has to hold MAEK_TEST_KEY."""
    given_roles = draw(st.dictionaries(names, roles, max_size=2))
    backends = draw(_backends(["classifier", "reasoner", *given_roles]))
    known = [backend.name for backend in backends]
    named = st.lists(st.sampled_from(known), max_size=2).map(tuple) if known else st.just(())
    hosts = st.dictionaries(names, sections(infra_config.HostConfig, backends=named, **machines), max_size=2)
    given_keys = tuple(draw(st.lists(keys, max_size=2, unique_by=lambda one: one.hash)))
    mail = _mail([key.name for key in given_keys if key.name is not None])
    sidecar = sections(
        sidecar_config.SidecarConfig,
        discover=st.booleans(),
        interval_seconds=seconds,
        jitter_ratio=st.floats(0, 0.5),
        thresholds=thresholds,
    ).map(lambda section: section.model_copy(update={"backends": backends}))
    router = sections(
        router_config.RouterConfig,
        listen=st.sampled_from(["127.0.0.1:0", "[::1]:8484", "localhost:65535"]),
        language=st.sampled_from(Language),
        timezone=st.sampled_from(["local", "Asia/Seoul", "Europe/Berlin"]),
        data_dir=st.sampled_from([None, "/var/lib/maek", "~/maek data"]),
        persona=sections(router_config.PersonaConfig, name=texts, description_ko=texts),
        sessions=sections(
            router_config.SessionsConfig,
            store=st.sampled_from(router_config.SessionStore),
            summary=st.booleans(),
            most_waiting=st.integers(0, 10_000),
            turn_seconds=seconds,
        ),
        decide=sections(
            router_config.DecideConfig,
            rules=st.booleans(),
            domains=st.lists(domains, max_size=2, unique_by=lambda one: one.name).map(tuple),
        ),
        tools=sections(
            ToolsConfig,
            calendar=calendars,
            email=mail,
            document=_documents(["classifier", "reasoner", *given_roles]),
            infra=sections(infra_config.InfraConfig, hosts=hosts),
            mcp=mcp,
        ),
        jobs=jobs,
        keys=st.just(given_keys),
    ).map(lambda section: section.model_copy(update={"roles": {**section.roles, **given_roles}}))
    return Config(sidecar=draw(sidecar), router=draw(router))
