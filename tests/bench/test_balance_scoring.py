"""Misses are never an advantage, figures are right, and the table says where the policy that is looked at is behind."""

import math
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from bench.balance.__main__ import main
from bench.balance.capacity import Capacity, CapacityTask, highest, measured
from bench.balance.comparison import capacity_ratio, grouped, losses, ratio, row, targets, ttft_p99
from bench.balance.plan import Result, Settings, Task, results, run, tasks
from bench.balance.policies import ALONE, POLICIES
from bench.balance.scoring import bootstrapped, geometric_mean, is_good, mean, percentile, scored
from bench.balance.table import aligned, capacity_table, overview, scenario_table, summary_table, target_lines
from bench.balance.world import Outcome, Record, Run

GOOD = Record(100.0, 50, 101, Outcome.FINISHED, 1.0, 6.0, 0)


def run_of(*records: Record) -> Run:
    """A run with these records."""
    return Run(records, polls=6, probes=2, hedges=1, retries=3, decision_us=9.0)


@pytest.mark.parametrize(
    ("record", "good"),
    [
        (GOOD, True),
        (GOOD._replace(first_token_seconds=2.0, end_seconds=8.0), True),
        (GOOD._replace(first_token_seconds=2.01), False),
        (GOOD._replace(end_seconds=7.01), False),
        (GOOD._replace(outcome=Outcome.CUT), False),
        (GOOD._replace(outcome=Outcome.TIMEOUT, first_token_seconds=None, end_seconds=60.0), False),
        (GOOD._replace(output_tokens=1, first_token_seconds=1.0, end_seconds=1.0), True),
    ],
)
def test_an_answer_is_good_that_begins_in_two_seconds_and_flows_with_sixty_milliseconds_a_token(
    record: Record, good: bool
) -> None:
    assert is_good(record) is good


def test_what_was_shed_at_once_counts_as_a_minute() -> None:
    shed = GOOD._replace(outcome=Outcome.SHED, first_token_seconds=None, end_seconds=0.0, backend=None)
    score = scored(run_of(GOOD, shed), 0.0)
    assert (score.goodput_ratio, score.error_ratio, score.shed_ratio) == (0.5, 0.5, 0.5)
    assert score.ttft_p99_seconds == pytest.approx(1.0 + 0.99 * 59.0)
    assert score.e2e_mean_seconds == pytest.approx(33.0)


def test_a_cut_stream_keeps_its_first_token_and_is_an_error() -> None:
    cut = GOOD._replace(outcome=Outcome.CUT, end_seconds=3.0)
    score = scored(run_of(cut), 0.0)
    assert (score.ttft_p99_seconds, score.error_ratio, score.e2e_mean_seconds) == (1.0, 1.0, 60.0)
    late = scored(run_of(cut._replace(end_seconds=80.0)), 0.0)
    assert late.e2e_mean_seconds == 80.0


def test_requests_of_the_warm_up_are_not_scored_and_probes_are_counted_over_all() -> None:
    score = scored(run_of(GOOD._replace(at=10.0, first_token_seconds=9.0), GOOD), 60.0)
    assert (score.requests, score.ttft_p99_seconds) == (1, 1.0)
    assert (score.probes_per_request, score.hedges_per_request, score.retries_per_request) == (4.0, 0.5, 1.5)


@pytest.mark.parametrize(("part", "value"), [(0.0, 1.0), (0.5, 3.0), (0.99, 4.96), (1.0, 5.0)])
def test_percentiles_lie_between_neighbours(part: float, value: float) -> None:
    assert percentile([5.0, 3.0, 1.0, 2.0, 4.0], part) == pytest.approx(value)


def test_nothing_at_all_has_no_percentile_and_no_mean() -> None:
    assert percentile([], 0.5) == 0.0
    assert math.isnan(mean([]))
    assert math.isnan(geometric_mean([]))


def test_the_interval_of_the_bootstrap_holds_the_value_and_narrows_with_agreement() -> None:
    apart, together = bootstrapped([1.0, 2.0, 3.0, 4.0, 5.0], mean), bootstrapped([3.0, 3.0, 3.1, 2.9, 3.0], mean)
    assert apart.low < apart.value == 3.0 < apart.high
    assert apart.low < 2.0
    assert together.high - together.low < 0.2


SCORE = scored(run_of(GOOD), 0.0)


def with_figures(good: float, late: float, end: float = 5.0) -> list[Result]:
    """Five seeds about these figures, as somebody's results."""
    return [
        Result(
            "stall", "p2c", seed, replace(SCORE, goodput_ratio=good, ttft_p99_seconds=late * by, e2e_mean_seconds=end)
        )
        for seed, by in enumerate((0.9, 0.95, 1.0, 1.05, 1.1))
    ]


def named(policy: str, rows: list[Result]) -> list[Result]:
    """The same as the results of a policy."""
    return [replace(one, policy=policy) for one in rows]


RESULTS = [
    *named("plr_reference", with_figures(0.95, 2.0)),
    *named("llmd", with_figures(0.97, 4.0)),
    *named("p2c", with_figures(0.80, 1.0, end=9.0)),
    *named("weighted", with_figures(0.99, 1.6)),
    *named("oracle_slo", with_figures(0.99, 1.0, end=4.0)),
]


def test_policies_are_compared_seed_by_seed() -> None:
    scores = grouped(RESULTS[::-1])["stall"]
    estimate = ratio(scores["plr_reference"], scores["llmd"], ttft_p99)
    assert (estimate.low, estimate.value, estimate.high) == pytest.approx((0.5, 0.5, 0.5))


def test_losses_are_told_and_ties_are_not() -> None:
    scores = grouped(RESULTS)["stall"]
    ours = scores["plr_reference"]
    assert losses(ours, scores["llmd"]) == ["goodput"]
    assert losses(ours, scores["p2c"]) == ["TTFT p99"]
    assert losses(ours, scores["oracle_slo"]) == ["goodput", "TTFT p99", "E2E mean"]
    assert losses(ours, ours) == []
    # Better in some seeds and worse in others: nothing that five seeds could tell.
    assert losses(ours, ours[::-1]) == []


def test_a_scenario_is_held_against_the_best_of_each_kind() -> None:
    one = row("stall", grouped(RESULTS)["stall"], "plr_reference")
    assert (one.ttft_peer, one.e2e_peer, one.goodput_peer, one.limit) == ("p2c", "llmd", "weighted", "oracle_slo")
    assert one.ttft_ratio is not None
    assert one.ttft_ratio.value == pytest.approx(2.0)
    assert one.goodput_lead is not None
    assert one.goodput_lead.value == pytest.approx(-0.04)
    assert one.weighted_ttft_ratio is not None
    assert one.weighted_ttft_ratio.value == pytest.approx(1.25)
    assert one.limit_e2e_ratio is not None
    assert one.limit_e2e_ratio.value == pytest.approx(1.25)


def test_targets_say_what_is_missed_and_where() -> None:
    capacities = [Capacity("stall", "plr_reference", 13.0), Capacity("stall", "llmd", 10.0)]
    found = targets([row("stall", grouped(RESULTS)["stall"], "plr_reference")], capacities, "plr_reference")
    assert [target.is_met for target in found] == [False, False, False, False, False, True]
    lines = target_lines(found).splitlines()
    assert lines[3].split()[-5:] == ["-4.00", ">=", "-0.5", "MISSED", "(stall)"]
    assert lines[-1].split()[-4:] == ["1.30", ">=", "1.2", "met"]


def test_nobody_to_compare_with_is_no_error() -> None:
    scores = grouped(named("plr_reference", with_figures(0.9, 1.0)))["stall"]
    alone = row("stall", scores, "plr_reference")
    assert alone.ttft_ratio is None
    assert targets([alone], [], "plr_reference") == []
    assert "-" in summary_table([alone], "plr_reference")


def test_the_table_has_a_row_a_policy_and_names_what_is_better_than_ours_in_it() -> None:
    lines = scenario_table("stall", grouped(RESULTS)["stall"], "plr_reference").splitlines()
    assert lines[0].startswith("stall: ")
    assert "(5 seeds, 1 requests each)" in lines[0]
    assert [line.split()[0] for line in lines[2:]] == ["plr_reference", "p2c", "llmd", "weighted", "oracle_slo"]
    assert lines[2].split()[1] == "0.950"
    assert lines[3].endswith("TTFT p99")
    assert "0.50 [0.50, 0.50]" in lines[3]
    assert lines[4].endswith("goodput")
    assert "weighted (w)" in lines[5]
    assert "oracle_slo (!)" in lines[6]


def test_the_overview_has_a_dash_where_nothing_was_measured() -> None:
    text = overview(grouped(RESULTS), ["plr_reference", "seed"])
    assert text.splitlines()[1].split() == ["stall", "0.950/1.99", "-"]


def test_capacities_stand_in_the_order_of_the_policies() -> None:
    found = [Capacity("homelab-x0.35", "weighted", 2.0), Capacity("hetero-x1.5", "llmd", 11.0)]
    assert capacity_table(found).splitlines() == [
        "requests/s at 95 % good  hetero-x1.5  homelab-x0.35",
        "llmd                           11.00  -",
        "weighted (w)                       -  2.00",
    ]
    assert math.isnan(capacity_ratio(found, "llmd", "weighted"))


def test_halving_finds_the_last_value_that_holds() -> None:
    assert highest(lambda value: value <= 0.7, 2.0, 12) == pytest.approx(0.7, abs=0.001)
    assert highest(lambda value: value < 0, 2.0, 6) == 0.0


def test_a_router_that_knows_the_weights_bears_more_than_chance() -> None:
    settings = Settings(("random", "weighted"), ("hetero-x1.5",), seeds=1, seconds=60.0)
    borne = [
        measured(CapacityTask("hetero-x1.5", policy, settings)).requests_per_second for policy in settings.policies
    ]
    assert borne[1] > 3 * borne[0]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert aligned([("a", "b", "c"), ("long", "2", "x")]) == "a     b  c\nlong  2  x"


def test_every_policy_of_a_task_meets_the_same_requests() -> None:
    settings = Settings(("p2c", "weighted"), ("hetero-x1.5",), seeds=2, seconds=20.0)
    found = [one for part in results(tasks(settings), processes=1) for one in part]
    assert [(one.policy, one.seed) for one in found] == [
        (policy, seed) for seed in range(2) for policy in ("p2c", "weighted", ALONE)
    ]
    assert len({one.score.requests for one in found if one.seed == 0}) == 1
    again = run(Task("hetero-x1.5", 1, settings))
    assert [replace(one.score, decision_us=0.0) for one in again] == [
        replace(one.score, decision_us=0.0) for one in found if one.seed == 1
    ]


def test_exactly_the_reference_and_maek_are_ours_and_limits_are_no_peers() -> None:
    assert {name for name, policy in POLICIES.items() if policy.ours} <= {"maek", "plr_reference"}
    assert not any(POLICIES[name].peer for name in ("plr_reference", "oracle_social", "oracle_slo", "oracle_selfish"))


def test_the_command_prints_tables_and_writes_what_they_were_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scores.json"
    words = (
        "balance --policies weighted,p2c --scenarios stall --seeds 1 --seconds 20 --processes 1 --no-capacity --json"
    )
    monkeypatch.setattr("sys.argv", [*words.split(), str(file)])
    assert main() == 0
    printed = capsys.readouterr().out
    assert "stall: " in printed
    assert "requests/s" not in printed
    document = orjson.loads(file.read_bytes())
    assert {one["policy"] for one in document["results"]} == {"p2c", "weighted", "alone"}
    assert document["settings"]["seconds"] == 20.0


def test_a_file_that_cannot_be_used_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["balance", "--fleet", str(tmp_path / "none.yaml")])
    assert main() == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["--policies nobody", "--seeds 0", "--rate 0", "--scenarios stall,never"])
def test_what_the_command_does_not_know_is_refused(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["balance", *words.split()])
    with pytest.raises(SystemExit):
        main()
