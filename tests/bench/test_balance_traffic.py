"""Traffic has the figures it was fitted to, traces and fleets are read or refused by their line."""

import math
from itertools import pairwise
from pathlib import Path
from statistics import fmean, pstdev

import pytest

from bench.balance.agent import BLOCK_TOKENS, Engine
from bench.balance.faults import Whom, resolved
from bench.balance.fleets import FLEETS, FleetUnreadable, capacity_per_second, read_fleet
from bench.balance.plan import Settings, Task, fleet_scenarios, prepared
from bench.balance.scenarios import SCENARIOS
from bench.balance.traces import TraceUnreadable, read_trace, window
from bench.balance.workload import CODE_COMPLETIONS, CONVERSATIONS, SESSIONS, Kind, Traffic
from simulator.profiles import PRESETS

AZURE = """\ufeffTIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:51.2224670,879,0
"""
MOONCAKE = """{"timestamp": 0, "input_length": 700, "output_length": 6, "hash_ids": [46, 47]}

{"timestamp": 2500, "input_length": 1024, "output_length": 4, "hash_ids": [46, 48]}
"""


def variation_of_counts(traffic: Traffic, window_seconds: float, seconds: float) -> float:
    """Variance over mean of how many come in a window: 1 for a Poisson process."""
    counts = [0] * int(seconds / window_seconds)
    for demand in traffic:
        counts[int(demand.request.at / window_seconds)] += 1
    return pstdev(counts) ** 2 / fmean(counts)


@pytest.mark.parametrize("kind", [CONVERSATIONS, CODE_COMPLETIONS, SESSIONS])
def test_a_seed_gives_the_same_traffic_and_another_one_other_traffic(kind: Kind) -> None:
    assert kind.generate(5.0, 60.0, 1) == kind.generate(5.0, 60.0, 1)
    assert kind.generate(5.0, 60.0, 1) != kind.generate(5.0, 60.0, 2)


@pytest.mark.parametrize("kind", [CONVERSATIONS, CODE_COMPLETIONS, SESSIONS])
def test_traffic_is_in_order_numbered_and_as_much_as_was_wanted(kind: Kind) -> None:
    traffic = [demand for seed in range(4) for demand in kind.generate(4.0, 1200.0, seed)]
    assert len(traffic) == pytest.approx(4 * 4 * 1200, rel=0.2)
    one = kind.generate(4.0, 1200.0, 0)
    assert [demand.request.id for demand in one] == list(range(len(one)))
    assert all(before.request.at <= after.request.at for before, after in pairwise(one))
    assert all(0 <= demand.request.at < 1200 for demand in one)
    assert fmean(demand.output_tokens for demand in traffic) == pytest.approx(kind.mean_output_tokens, rel=0.1)


def test_conversations_have_the_sizes_and_the_bursts_of_the_trace() -> None:
    traffic = CONVERSATIONS.generate(5.6, 7200.0, 0)
    prompts = sorted(demand.prompt_tokens for demand in traffic)
    assert fmean(prompts) == pytest.approx(CONVERSATIONS.mean_prompt_tokens, rel=0.05)
    assert prompts[len(prompts) // 2] == pytest.approx(821, rel=0.1)
    assert prompts[-1] <= 4123
    # The trace has 1.31 and 3.15 at these windows.
    assert 1.15 < variation_of_counts(traffic, 1.0, 7200.0) < 1.6
    assert 2.0 < variation_of_counts(traffic, 10.0, 7200.0) < 4.5


def test_code_comes_in_bursts_far_above_its_mean() -> None:
    traffic = CODE_COMPLETIONS.generate(5.0, 3600.0, 0)
    counts = [0] * 720
    for demand in traffic:
        counts[int(demand.request.at / 5)] += 1
    assert max(counts) > 5 * fmean(counts)
    assert counts.count(0) > 36


def test_a_router_knows_prompts_to_fifteen_percent() -> None:
    for demand in CONVERSATIONS.generate(5.0, 200.0, 0):
        assert demand.request.prompt_tokens == pytest.approx(
            demand.prompt_tokens, abs=0.15 * demand.prompt_tokens + 0.5
        )


def test_a_conversation_repeats_what_was_said_and_shares_a_system_prompt_with_others() -> None:
    latest: dict[int | None, tuple[int, tuple[int, ...]]] = {}
    followed = 0
    first_blocks = set()
    for demand in SESSIONS.generate(5.0, 300.0, 0):
        request = demand.request
        assert len(request.blocks) == demand.prompt_tokens // BLOCK_TOKENS
        first_blocks.add(request.blocks[0])
        if request.session in latest:
            tokens, blocks = latest[request.session]
            assert request.blocks[: len(blocks)] == blocks
            assert demand.prompt_tokens > tokens
            followed += 1
        latest[request.session] = (demand.prompt_tokens + demand.output_tokens, request.blocks)
    assert followed > 300
    assert len(first_blocks) == 4


def test_an_azure_trace_is_read_from_its_first_second_on(tmp_path: Path) -> None:
    file = tmp_path / "azure.csv"
    file.write_text(AZURE, "utf-8")
    asks = read_trace(file)
    assert [(round(ask.at, 3), ask.prompt_tokens, ask.output_tokens) for ask in asks] == [
        (0.0, 374, 44),
        (4.315, 396, 109),
        (4.542, 879, 1),
    ]


def test_a_mooncake_trace_is_read_with_its_prefixes(tmp_path: Path) -> None:
    file = tmp_path / "mooncake.jsonl"
    file.write_text(MOONCAKE, "utf-8")
    first, second = read_trace(file)
    assert (second.at, second.prompt_tokens, second.output_tokens) == (2.5, 1024, 4)
    assert (len(first.blocks), len(second.blocks)) == (10, 16)
    shared = [a == b for a, b in zip(first.blocks, second.blocks, strict=False)]
    assert shared == [True] * 8 + [False] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "line 1: neither an Azure header nor a Mooncake object"),
        (AZURE + "2023-11-16 18:15:52.0,many,3\n", "line 5"),
        (MOONCAKE + '{"timestamp": 3}\n', "line 4: KeyError"),
        (MOONCAKE + "nonsense\n", "line 4"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "has no requests"),
    ],
)
def test_a_trace_that_cannot_be_read_is_refused_by_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "trace"
    file.write_text(text, "utf-8")
    with pytest.raises(TraceUnreadable, match=message):
        read_trace(file)


def test_a_trace_that_is_not_there_is_said_to_be_unreadable(tmp_path: Path) -> None:
    with pytest.raises(TraceUnreadable, match="cannot be read"):
        read_trace(tmp_path / "nowhere.csv")


def test_a_window_of_a_trace_has_the_rate_that_was_wanted_and_goes_round(tmp_path: Path) -> None:
    file = tmp_path / "azure.csv"
    file.write_text(AZURE, "utf-8")
    asks = read_trace(file)
    traffic = window(asks, rate_per_second=2.0, seconds=300.0, seed=1)
    assert len(traffic) == pytest.approx(600, abs=3)
    assert {demand.prompt_tokens for demand in traffic} == {374, 396, 879}
    assert all(0 <= demand.request.at < 300 for demand in traffic)
    assert traffic != window(asks, rate_per_second=2.0, seconds=300.0, seed=2)


def test_a_scenario_asks_as_much_of_a_fleet_whatever_the_trace(tmp_path: Path) -> None:
    long = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
        f"2024-05-10 00:{second // 60:02}:{second % 60:02}.5+00:00,8000,400\n" for second in range(300)
    )
    file = tmp_path / "long.csv"
    file.write_text(long, "utf-8")
    settings = Settings((), ("hetero-x1.5",), seconds=100.0, trace=file)
    scenario, traffic, rate = prepared(Task("hetero-x1.5", 0, settings))
    ratio = SCENARIOS["hetero-x1.5"].load_ratio
    assert rate == pytest.approx(ratio * capacity_per_second(scenario.fleet, 8000, 400))
    assert len(traffic) == pytest.approx(100 * rate, rel=0.1)
    _, sessions, _ = prepared(Task("sessions", 0, settings))
    assert max(demand.request.session or 0 for demand in sessions) > 0


def test_capacities_are_in_the_proportions_of_the_weights() -> None:
    for fleet in FLEETS.values():
        weights = [host.weight / sum(host.weight for host in fleet) for host in fleet]
        capacities = [capacity_per_second((host,), 1243, 217) for host in fleet]
        shares = [capacity / sum(capacities) for capacity in capacities]
        assert shares == pytest.approx(weights, abs=0.11)


def test_a_fleet_is_read_with_presets_profiles_and_derived_weights(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(
        """
backends:
  - {name: big, preset: h100}
  - {name: small, preset: rtx4090, engine: ollama, slots: 2, weight: 1.5, cold_start_seconds: 15}
  - name: own
    profile: {base_seconds: 0.02, per_sequence_seconds: 0.001, per_context_token_seconds: 1e-7,
              per_prefill_token_seconds: 1e-4, prefill_chunk_tokens: 1024, slots: 16, kv_capacity_tokens: 100000}
""",
        "utf-8",
    )
    big, small, own = read_fleet(file)
    assert (big.engine, big.profile, big.keep_alive_seconds) == (Engine.VLLM, PRESETS["h100"], math.inf)
    assert (small.engine, small.profile.slots, small.weight, small.cold_start_seconds) == (Engine.OLLAMA, 2, 1.5, 15.0)
    assert own.profile.slots == 16
    assert big.weight > own.weight > 0
    assert resolved(Whom.FASTEST, (big, small, own)) == [0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backends: []", "backends: List should have at least 1 item"),
        ("backends: [{name: a}]", "a needs either a profile or a preset: h100"),
        ("backends: [{name: a, preset: h200}]", "a needs either a profile or a preset"),
        ("backends: [{name: a, preset: h100, speed: 3}]", r"backends\.0\.speed: Extra inputs are not permitted"),
        ("backends: [{name: a, preset: h100}, {name: a, preset: l40s}]", "two backends have the same name"),
        ("backends: [", "cannot be read"),
    ],
)
def test_a_fleet_that_cannot_be_used_says_what_to_change(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(FleetUnreadable, match=message):
        read_fleet(file)


def test_backends_are_hit_by_their_rank() -> None:
    fleet = FLEETS["homelab4"][::-1]
    assert [fleet[number].name for number in resolved(Whom.ALL, fleet)] == ["l40s", "rtx4090", "rtx3090", "ultra"]
    assert [fleet[number].name for number in resolved(Whom.OLLAMA, fleet)] == ["rtx4090", "rtx3090", "ultra"]
    assert resolved(Whom.SECOND, fleet) == [2]
    assert resolved(Whom.THIRD, fleet[2:]) == [0]


def test_with_another_fleet_the_scenarios_that_are_about_their_fleet_are_left_out() -> None:
    left = fleet_scenarios(tuple(SCENARIOS))
    assert "hetero-x1.5" in left
    assert not {"homog", "homelab-x0.35", "homelab-x0.5"} & {*left}
    fleet = FLEETS["homog4"]
    scenario, _, _ = prepared(Task("cold", 0, Settings((), ("cold",), seconds=10.0, fleet=fleet)))
    assert [host.cold_start_seconds for host in scenario.fleet] == [0.0, 15.0, 15.0, 15.0]
