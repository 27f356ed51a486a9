"""The comparison over HTTP: prompts, faults, processes that end, `maek serve` itself, and the table."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import psutil
import pytest

from bench.balance.agent import Engine, Failure, FailureKind
from bench.balance.faults import Cuts, Fault, Flap, Heat, Lies, Outside, RateLimit, Slow, Stall, Whom
from bench.balance.fleets import FLEETS, Host
from bench.balance.live.command import HTTP_POLICIES, main
from bench.balance.live.noise import Meter, Noise
from bench.balance.live.processes import Ended, programs, sim_arguments
from bench.balance.live.prompts import body_of, prompt_of
from bench.balance.live.serve import outcome_of, totals
from bench.balance.live.stage import SERVE, played
from bench.balance.live.streams import Ending, Tokens, refused
from bench.balance.live.table import Compared, Terms, scenario_table, warnings
from bench.balance.live.troubles import Unplayable, changes, check, compressed, preset_of, strangers
from bench.balance.plan import Settings, Task, prepared
from bench.balance.scenarios import SCENARIOS, Scenario
from bench.balance.scoring import Score
from bench.balance.workload import Ask, Traffic, as_traffic, conversations
from bench.balance.world import Outcome
from router.demands import demand_of
from simulator import PRESETS, read_faults
from simulator.answers import write_reply
from simulator.request import Ask as SimAsk
from simulator.request import read_messages
from simulator.tokens import count_tokens

PROJECT = Path(__file__).parents[2]
FLEET = (Host("first", Engine.VLLM, PRESETS["instant"], 2.0), Host("second", Engine.OLLAMA, PRESETS["instant"], 1.0))


def asked(*rows: tuple[float, int, int]) -> Traffic:
    """Traffic from rows of time, prompt and output tokens."""
    return as_traffic([Ask(*row) for row in rows], seed=0)


def test_a_prompt_has_the_tokens_of_the_traffic_and_is_estimated_as_in_virtual_time() -> None:
    for demand in conversations(5.0, 40.0, seed=1):
        body = orjson.loads(body_of(demand, "reasoner"))
        ask = SimAsk("model", read_messages(body))
        assert count_tokens(ask.prompt_text) == max(7, demand.prompt_tokens)
        assert len(write_reply(ask).tokens) == demand.output_tokens
        seen = demand_of(body, "reasoner")
        assert abs(seen.prompt_tokens - demand.request.prompt_tokens) <= 1
        assert seen.max_tokens is None
        assert body["stream"] is True


def test_prompts_are_the_same_each_time_and_no_two_begin_alike() -> None:
    traffic = conversations(5.0, 20.0, seed=1)
    prompts = [prompt_of(demand) for demand in traffic]
    assert prompts == [prompt_of(demand) for demand in traffic]
    bodies = [orjson.loads(body_of(demand)) for demand in traffic if demand.prompt_tokens > 600]
    first_blocks = [demand_of(body, "reasoner").blocks[0] for body in bodies]
    assert len(first_blocks) > 10
    assert len(set(first_blocks)) == len(first_blocks)


STREAM = (
    b": waiting, position 1, about 3 s\n\n"
    b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"one"}}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"\\n"}}]}\n\n'
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"completion_tokens":2}}\n\n'
)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_tokens_are_counted_however_the_stream_is_cut_into_pieces(piece: int) -> None:
    tokens, stream = Tokens(), STREAM + b"data: [DONE]\n\n"
    new = [tokens.feed(stream[begin : begin + piece]) for begin in range(0, len(stream), piece)]
    assert (sum(new), tokens.count, tokens.is_whole, tokens.code) == (2, 2, True, None)


def test_an_answer_without_its_end_mark_or_with_an_error_is_not_whole() -> None:
    tokens = Tokens()
    tokens.feed(STREAM)
    assert not tokens.is_whole
    tokens.feed(b'data: {"error":{"code":"queue_timeout"}}\n\ndata: [DONE]\n\n')
    assert (tokens.is_whole, tokens.code) == (False, "queue_timeout")


def test_an_error_status_is_told_with_its_code_and_when_to_come_again() -> None:
    full = b'{"error":{"code":"queue_full"}}'
    assert refused(429, "3", full) == Ending(Failure(FailureKind.REJECTED, retry_after_seconds=3.0), "queue_full")
    assert refused(429, None, b"<html>") == Ending(Failure(FailureKind.REJECTED))
    assert refused(500, "3", b"[]") == Ending(Failure(FailureKind.ERROR))
    assert refused(502, None, b'{"error":"bad"}') == Ending(Failure(FailureKind.ERROR), "")


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (None, Outcome.TIMEOUT),
        (Ending(None), Outcome.FINISHED),
        (Ending(Failure(FailureKind.CUT, 3), "backend_truncated"), Outcome.CUT),
        (Ending(Failure(FailureKind.REJECTED), "queue_full"), Outcome.SHED),
        (Ending(Failure(FailureKind.ERROR), "queue_timeout"), Outcome.SHED),
        (Ending(Failure(FailureKind.ERROR), "backend_failed"), Outcome.ERROR),
    ],
)
def test_what_maek_answers_is_one_of_the_outcomes_of_virtual_time(ending: Ending | None, outcome: Outcome) -> None:
    assert outcome_of(ending) is outcome


def test_counters_are_summed_over_their_labels() -> None:
    page = (
        "# TYPE maek_hedges counter\n"
        'maek_hedges_total{outcome="won"} 2.0\nmaek_hedges_total{outcome="lost"} 3.0\n'
        "# TYPE maek_up gauge\nmaek_up 1\n"
    )
    assert totals(page) == {"maek_hedges_total": 5}


def faulty(*faults: Fault, outside: tuple[tuple[Whom, Outside], ...] = ()) -> Scenario:
    """Faults of the fastest of two."""
    return Scenario("two", FLEET, 1.0, faults=tuple((Whom.FASTEST, fault) for fault in faults), outside=outside)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Slow(10.0, 5.0, 6.0), [(10.0, {"slow": {"factor": 6.0}}), (15.0, {})]),
        (Stall(10.0, 5.0), [(10.0, {"stall": {}, "slow_health": {"delay_seconds": 5.0}}), (15.0, {})]),
        (Cuts(10.0, 0.1), [(10.0, {"cut": {"ratio": 0.1, "after_tokens": 3, "how": "close"}})]),
        (RateLimit(10.0, 3.0, 9.0), [(10.0, {"rate_limit": {"per_second": 3.0, "burst": 9.0}})]),
        (Lies(10.0), [(10.0, {"lying_status": {}})]),
        (Lies(60.0), []),
    ],
)
def test_a_fault_is_told_to_the_simulator_and_taken_back(fault: Fault, expected: list[tuple[float, object]]) -> None:
    told = changes(faulty(fault), until=50.0)
    assert [(change.at, change.faults) for change in told] == expected
    assert all(change.backend == 0 for change in told)
    for change in told:
        read_faults(change.faults)


def test_a_flapping_backend_goes_down_first_and_comes_back_also_behind_the_last_request() -> None:
    told = changes(faulty(Flap(10.0, 5.0, 20.0)), until=36.0)
    assert [(change.at, "flap" in change.faults) for change in told] == [
        (10.0, True),
        (15.0, False),
        (35.0, True),
        (40.0, False),
    ]


def test_faults_that_overlap_hold_together() -> None:
    told = changes(faulty(Lies(5.0), Slow(10.0, 5.0, 2.0)), until=50.0)
    assert [(change.at, sorted(change.faults)) for change in told] == [
        (5.0, ["lying_status"]),
        (10.0, ["lying_status", "slow"]),
        (15.0, ["lying_status"]),
    ]


def test_what_happens_to_backends_is_compressed_and_how_hard_it_hits_is_not() -> None:
    sleepy = replace(FLEET[1], cold_start_seconds=15.0, keep_alive_seconds=60.0)
    scenario = replace(
        faulty(Slow(120.0, 60.0, 6.0), RateLimit(60.0, 3.0, 10.0), outside=((Whom.SECOND, Outside(2.5)),)),
        fleet=(FLEET[0], sleepy),
    )
    short = compressed(scenario, 0.1)
    assert [fault for _, fault in short.faults] == [Slow(12.0, 6.0, 6.0), RateLimit(6.0, 3.0, 10.0)]
    assert short.outside[0][1] == Outside(2.5, wave_seconds=4.0)
    assert (short.fleet[1].cold_start_seconds, short.fleet[1].keep_alive_seconds) == (1.5, 6.0)
    assert short.fleet[0] == FLEET[0]


def test_strangers_come_in_the_order_of_time_to_whom_they_use() -> None:
    came = strangers(faulty(outside=((Whom.SECOND, Outside(2.0)), (Whom.FASTEST, Outside(1.0)))), 60.0, seed=1)
    assert {one.backend for one in came} == {0, 1}
    assert [one.at for one in came] == sorted(one.at for one in came)


def test_every_scenario_is_played_or_has_a_reason_why_not() -> None:
    reasons = {}
    for name in SCENARIOS:
        scenario, traffic, _ = prepared(Task(name, 0, Settings((), (), seconds=20.0)))
        try:
            check(scenario, traffic)
        except Unplayable as reason:
            reasons[name] = str(reason)
            continue
        assert changes(compressed(scenario, 1.0), 300.0) or not scenario.faults
    assert reasons == {
        "nonlinear": "`maek sim` never runs out of memory and does not get hot",
        "sessions": "`maek sim` caches no prefixes, which is what this is about",
    }
    with pytest.raises(Unplayable, match="no fault like Heat"):
        check(faulty(Heat()), ())


def test_a_host_is_a_preset_with_slots_of_its_own_or_cannot_be_played() -> None:
    host = FLEETS["homelab4"][1]
    assert preset_of(replace(host, profile=replace(host.profile, slots=9))) == "rtx4090"
    arguments = sim_arguments(replace(host, cold_start_seconds=2.5, keep_alive_seconds=9.0))
    assert arguments[5:] == [
        *("--model", "model", "--preset", "rtx4090", "--slots", "4"),
        *("--cold-start-seconds", "2.5", "--keep-alive-seconds", "9.0"),
    ]
    own = replace(host, profile=replace(host.profile, base_seconds=1.0))
    with pytest.raises(Unplayable, match="rtx4090 has a profile of its own; `maek sim` has presets: h100"):
        preset_of(own)


def test_who_sees_everything_does_not_play_over_http() -> None:
    assert HTTP_POLICIES[:2] == (SERVE, "maek")
    assert not any(name.startswith("oracle") for name in HTTP_POLICIES)


FEW = asked(*((0.05 * number, 40, 10) for number in range(10)))


def later(traffic: Traffic, seconds: float) -> Traffic:
    """The same once more."""
    many = len(traffic)
    requests = [one.request._replace(id=one.request.id + many, at=one.request.at + seconds) for one in traffic]
    return tuple(one._replace(request=request) for one, request in zip(traffic, requests, strict=True))


def children() -> set[int]:
    """The processes that this one started and that live."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


async def test_maek_serve_answers_the_traffic_and_leaves_no_process_behind() -> None:
    before = children()
    # Until Maek has asked its backends how they are, which it does every two seconds.
    result = await played(SERVE, faulty(Cuts(0.2, 1.0)), (*FEW, *later(FEW, 2.5)), seed=0)
    run = result.run
    assert len(run.records) == 20
    assert {record.outcome for record in run.records} <= {Outcome.FINISHED, Outcome.CUT}
    assert run.records[0].outcome is Outcome.FINISHED
    # Whoever had to wait was answered before it was known by whom.
    assert {record.backend for record in run.records} <= {0, 1, None}
    assert run.records[0].backend is not None
    assert all(record.first_token_seconds is not None for record in run.records)
    assert run.polls > 0
    assert result.noise.busiest_ratio > 0
    assert children() == before


async def test_an_agent_plays_the_same_with_strangers_and_leaves_no_process_behind() -> None:
    before = children()
    result = await played("maek", faulty(outside=((Whom.FASTEST, Outside(20.0)),)), FEW, seed=0)
    assert [record.outcome for record in result.run.records] == [Outcome.FINISHED] * 10
    assert children() == before


async def test_a_program_that_does_not_start_says_why(tmp_path: Path) -> None:
    with programs(tmp_path, [("odd", ["sim", "--preset", "abacus"])]) as (odd,):
        with pytest.raises(Ended, match=r"(?s)odd ended: .*invalid choice: 'abacus'"):
            odd.url()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_it_ends_all_that_it_started(number: signal.Signals, tmp_path: Path) -> None:
    fleet, folder = tmp_path / "fleet.yaml", tmp_path / "temporary"
    fleet.write_text("backends: [{name: one, preset: instant}]")
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.balance", "--http", "--policies", "serve", "--scenarios", "slow"),
        *("--fleet", str(fleet), "--rate", "0.01", "--seconds", "60"),
        cwd=PROJECT, env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60.0):
        # A simulator and Maek.
        while len(family := psutil.Process(process.pid).children()) < 2:  # noqa: ASYNC110  it is another process
            await asyncio.sleep(0.05)
        process.send_signal(number)
        _, words = await process.communicate()
    assert process.returncode == 130
    assert words.endswith(b"Interrupted; what was started has been ended.\n")
    assert not any(one.is_running() for one in family)
    assert list(folder.iterdir()) == []


def test_what_cannot_be_played_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    assert main(Settings((SERVE,), ("nonlinear",), seeds=2, seconds=10.0), path) == 2
    reason = "`maek sim` never runs out of memory and does not get hot"
    assert capsys.readouterr().out == f"nonlinear is left out: {reason}.\n"
    assert orjson.loads(path.read_bytes())["left_out"] == {"nonlinear": reason}


SCORE = Score(100, 0.9, 0.01, 0.0, 0.1, 2.0, 3.0, 9.0, 4.0, 0.05, 1.0, 0.0, 0.0, 5.0)
QUIET = Noise(0.3, 0.1, 0.2, "maek serve", 0.002)


def test_the_table_has_each_figure_over_http_and_in_virtual_time_and_their_ratio() -> None:
    slower = replace(SCORE, ttft_p99_seconds=3.0, e2e_mean_seconds=5.0)
    rows = [Compared("stall", SERVE, 0, slower, SCORE, QUIET), Compared("stall", "llmd", 0, SCORE, slower, QUIET)]
    lines = scenario_table("stall", rows, Terms(40.0, 8.0, 0.1333, 9.3)).splitlines()
    assert lines[0].startswith("stall over HTTP: the fastest and later the second stand still")
    assert lines[1] == (
        "9.3 requests/s for 40 s, the first 8 s not scored: 100 requests of 1 seed; "
        "what happens to backends at 0.13 of its times"
    )
    cells = lines[3].split()
    assert cells == [
        *("serve", "0.900", "0.900", "1.00", "0.10", "0.10", "1.00", "3.00", "2.00", "1.50", "5.00", "4.00", "1.25"),
        *("0.010", "0.010", "30%", "20%", "2"),
    ]
    assert lines[5:] == ["E2E mean over HTTP: llmd < serve", "in virtual time:    llmd"]


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (QUIET, None),
        (replace(QUIET, machine_ratio=0.9, others_ratio=0.7), "90% of the CPU was in use, 70% by others"),
        (replace(QUIET, busiest_ratio=0.85), "maek serve used 85% of a core: ask less by --rate"),
        (replace(QUIET, late_p99_seconds=0.08), "requests left up to 80 ms late"),
    ],
)
def test_a_run_that_the_machine_spoilt_is_named_and_marked(noise: Noise, words: str | None) -> None:
    rows = [Compared("homog", "llmd", 0, SCORE, SCORE, noise)]
    table = scenario_table("homog", rows, Terms(40.0, 8.0, 0.1333, 9.3))
    assert ("NOISY" in table) is (words is not None)
    assert "of its times" not in table
    assert [words in line for line in warnings(rows) if words] == ([True] if words else [])
    assert bool(warnings(rows)) is (words is not None)


def test_the_meter_knows_whose_time_it_was() -> None:
    meter = Meter({})
    while sum(range(10_000)) and meter.read([]).busiest_ratio <= 0:
        continue
    noise = meter.read([0.0, 0.0, 0.01])
    assert noise.busiest == "the bench itself"
    assert noise.machine_ratio >= noise.others_ratio >= 0
    assert noise.late_p99_seconds == pytest.approx(0.0098)
