"""The sidecar's part of the configuration."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sidecar import ENGINES
from sidecar.config import (
    BackendConfig,
    InferenceProbe,
    MetricsConfig,
    SidecarConfig,
    ThresholdsConfig,
    check_url,
    faults,
    secret_faults,
    steps,
)
from sidecar.errors import SecretUnusable
from sidecar.facts import BackendSpec
from sidecar.levels import NEVER, reached


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("http://mini:8080", "http://mini:8080"),
        ("http://mini:8080/", "http://mini:8080"),
        ("https://mini", "https://mini"),
        ("http://[::1]:8080//", "http://[::1]:8080"),
        ("http://10.0.0.1:65535", "http://10.0.0.1:65535"),
    ],
)
def test_a_url_is_kept_without_the_slash_at_its_end(written: str, kept: str) -> None:
    assert check_url(written) == kept
    assert check_url(kept) == kept


@pytest.mark.parametrize(
    "url",
    [
        "", "mini:8080", "ftp://mini", "http://", "http://:8080", "http://mini:0", "http://mini:65536", "http://mini:x",
        "http://mini/v1", "http://mini/v1/", "http://mini/api", "http://mini?", "http://mini/?a=b", "http://mini#",
        "http://user@mini", "http://user:open-sesame@mini", "http://mi ni", "http://mini\n", "http://mini\\@x",
        "http://[::1", "http://mini\x00",
    ],
)  # fmt: skip
def test_any_other_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        BackendConfig(name="mini", url=url)
    assert "sesame" not in str(refusal.value)


def test_a_backend_becomes_the_spec_that_the_store_is_told() -> None:
    backend = BackendConfig(
        name="mini", url="http://mini:8080/", engine="mlx", slots=2, api_key="env:KEY", models={"reasoner": "gemma4"}
    )
    assert backend.spec({"KEY": "open-sesame"}) == BackendSpec(
        "mini", "http://mini:8080", "mlx", 2, api_key="open-sesame", models={"reasoner": "gemma4"}
    )


def test_a_backends_metrics_may_have_other_names() -> None:
    metrics = MetricsConfig(running='jobs{state="on"}', kv_usage=None)
    backend = BackendConfig(name="mini", url="http://mini:8080", metrics=metrics, metrics_path=":9102/metrics")
    spec = BackendSpec("mini", "http://mini:8080")
    wanted = replace(spec, metrics={"running": 'jobs{state="on"}'}, metrics_path=":9102/metrics")
    assert backend.spec({}) == wanted


@pytest.mark.parametrize("name", ["", "jobs{state=on}", "jobs > 3", "rate(jobs[1m])"])
def test_what_is_no_name_of_a_metric_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="a metric as name"):
        MetricsConfig(running=name)


@pytest.mark.parametrize("path", ["", "metrics", "http://gpu:8002/metrics", ":0/metrics", ":99999/metrics"])
def test_metrics_are_at_a_path_of_the_same_host(path: str) -> None:
    with pytest.raises(ValidationError, match="another port of the same host"):
        BackendConfig(name="mini", url="http://mini:8080", metrics_path=path)


def test_a_backend_without_a_key_reads_no_environment() -> None:
    assert BackendConfig(name="mini", url="http://mini:8080").spec({}) == BackendSpec("mini", "http://mini:8080")


def test_a_backend_whose_key_has_gone_says_so() -> None:
    with pytest.raises(SecretUnusable):
        BackendConfig(name="mini", url="http://mini:8080", api_key="env:KEY").spec({})


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_every_engine_can_be_configured(engine: str) -> None:
    assert BackendConfig(name="mini", url="http://mini", engine=engine).engine == engine


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValidationError, match="ollama"):
        BackendConfig(name="mini", url="http://mini", engine="olama")


@pytest.mark.parametrize("name", ["a", "A.b_c-1", "x" * 64])
def test_a_name_is_short_and_plain(name: str) -> None:
    assert BackendConfig(name=name, url="http://mini").name == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a\n", "이드", "x" * 65, 'a"b'])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        BackendConfig(name=name, url="http://mini")


def test_a_section_never_changes() -> None:
    with pytest.raises(ValidationError):
        SidecarConfig().discover = False  # type: ignore[misc]


def test_sections_and_lists_with_nothing_in_them_are_their_defaults() -> None:
    empty = {"thresholds": None, "backends": None}
    assert SidecarConfig.model_validate(empty) == SidecarConfig()
    backend = BackendConfig.model_validate({"name": "a", "url": "http://a", "models": None})
    assert backend.models == {}


def test_enums_are_written_as_their_text() -> None:
    assert SidecarConfig.model_validate({"inference_probe": "never"}).inference_probe is InferenceProbe.NEVER


@pytest.mark.parametrize("levels", [(1, 1, 2), (1, 3, 2), (3, None, 2), (None, 2, 2)])
def test_thresholds_that_do_not_rise_are_refused(levels: tuple[float | None, ...]) -> None:
    with pytest.raises(ValidationError, match="rise"):
        ThresholdsConfig(waiting_requests=levels)


@pytest.mark.parametrize("levels", [(None, None, None), (0, None, 1), (None, 0, None), (0.5, 1, 2)])
def test_thresholds_may_leave_levels_out(levels: tuple[float | None, ...]) -> None:
    assert ThresholdsConfig(waiting_requests=levels).waiting_requests == levels


@pytest.mark.parametrize(
    ("levels", "as_steps"),
    [
        ((1, 2, 4), (1, 2, 4)),
        ((None, 4, 8), (4, 4, 8)),
        ((2, 5, None), (2, 5, NEVER)),
        ((1, None, 4), (1, 4, 4)),
        ((None, None, 3), (3, 3, 3)),
        ((2, None, None), (2, NEVER, NEVER)),
        ((None, None, None), (NEVER, NEVER, NEVER)),
    ],
)
def test_a_level_that_is_left_out_shares_the_step_of_the_next(
    levels: tuple[float | None, ...], as_steps: tuple[float, ...]
) -> None:
    assert steps(levels) == as_steps


@given(st.lists(st.none() | st.integers(0, 9), min_size=3, max_size=3), st.integers(0, 10))
def test_the_steps_reached_are_the_highest_level_that_is_named(levels: list[float | None], value: int) -> None:
    named = [level for level in levels if level is not None]
    if sorted(set(named)) != named:
        return
    highest = max((n for n, level in enumerate(levels, 1) if level is not None and value >= level), default=0)
    assert reached(value, steps(tuple(levels))) == highest


def test_two_backends_of_one_name_or_one_address_are_faults() -> None:
    values: dict[str, object] = {
        "backends": (
            {"name": "a", "url": "http://mini:1"},
            "not a backend",
            {"name": "a", "url": "http://mini:2"},
            {"name": "b", "url": "http://MINI:1/"},
            {"name": 5, "url": None},
            {},
        )
    }
    assert [(fault.loc[2:], fault.found) for fault in faults(values)] == [
        ((2, "name"), "the same as sidecar.backends[0].name"),
        ((3, "url"), "the same as sidecar.backends[0].url"),
    ]


@pytest.mark.parametrize("values", [{}, {"backends": None}, {"backends": {}}, {"backends": "x"}])
def test_no_backends_have_no_faults(values: dict[str, object]) -> None:
    assert list(faults(values)) == []
    assert list(secret_faults(values, {})) == []


def test_only_references_that_lead_nowhere_are_faults(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("open-sesame")
    references = ["env:THERE", "env:ABSENT", f"file:{tmp_path}/key", "sk-open-sesame", None, 5]
    values = {"backends": tuple({"api_key": reference} for reference in references)}
    assert [fault.loc for fault in secret_faults(values, {"THERE": "x"})] == [("sidecar", "backends", 1, "api_key")]
