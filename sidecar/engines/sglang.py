"""SGLang: says how many requests run and wait at `/v1/loads`, which needs no flag; older ones on a page of metrics.

Traps
- `/health` generates a token whenever the server has nothing else to do (`SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION`,
  on by default), and `/health_generate` always: neither is asked. A server whose scheduler dies takes itself down.
- Before its first batch a rank reports zeros throughout; `max_total_num_tokens` 0 tells this from an idle one. It takes
  requests already, so it is not loading: how busy it is, is unknown.
- `{"loads": []}` with 200 is a server that cannot say, not an idle one.
- Each data-parallel rank has its row: counts are summed, ratios averaged. `utilization` is 0 for ever.
- `/metrics` is 404 without `--enable-metrics`. Its names have a colon, those of `/v1/loads?format=prometheus` none.

Source: https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/entrypoints/v1_loads.py;
https://docs.sglang.io/references/production_metrics.html
"""

from collections.abc import Mapping

from sidecar.engines import openai, page
from sidecar.engines.body import count, json_object, ratio
from sidecar.engines.engine import (
    NOTHING_READ,
    Answer,
    Answers,
    Ask,
    Engine,
    Page,
    Reading,
    Selector,
    Unreadable,
)

LOADS = Ask("/v1/loads?include=core")

OLDER = Page(
    page.METRICS,
    running=(Selector("sglang:num_running_reqs"),),
    waiting=(Selector("sglang:num_queue_reqs"),),
    kv_usage=(Selector("sglang:token_usage"),),
)
"""What is read where there is no `/v1/loads`."""

Rank = Mapping[str, object]


def plan(_page: Page | None, answers: Answers) -> tuple[Ask, ...]:
    """`/v1/loads`; where it is not there, the page of metrics."""
    match answers:
        case ():
            return (LOADS,)
        case (loads,) if loads is not None and loads.status == 404:
            return (OLDER.ask,)
        case _:
            return ()


def read_stats(_page: Page | None, answers: Answers) -> Reading:
    """Running, waiting, cache usage and slots over all ranks; unknown while one of them is not ready."""
    if len(answers) > 1:
        return page.read(OLDER, answers[1:])
    answer = answers[0]
    if answer is None:
        return NOTHING_READ
    ranks = ranks_of(answer)
    if not all(is_ready(rank) for rank in ranks):
        return NOTHING_READ
    return Reading(
        running=total(ranks, "num_running_reqs"),
        waiting=total(ranks, "num_waiting_reqs"),
        kv_usage_ratio=mean_usage(ranks),
        slots=total(ranks, "max_running_requests") or None,
    )


def ranks_of(answer: Answer) -> tuple[Rank, ...]:
    """The rows of a `/v1/loads`, at least one. Raises `Unreadable`."""
    loads = json_object(answer).get("loads")
    if not isinstance(loads, list) or not all(isinstance(rank, dict) for rank in loads):
        raise Unreadable("no list of loads")
    if not loads:
        raise Unreadable("a list of loads without any rank")
    return tuple(loads)


def is_ready(rank: Rank) -> bool:
    """Whether a rank has reported: one that does not tell its capacity is taken at its word."""
    return rank.get("max_total_num_tokens") != 0


def total(ranks: tuple[Rank, ...], key: str) -> int | None:
    """The sum over the ranks; None if one does not tell."""
    told = [count(rank.get(key)) for rank in ranks]
    known = [number for number in told if number is not None]
    return sum(known) if len(known) == len(told) else None


def mean_usage(ranks: tuple[Rank, ...]) -> float | None:
    """The mean part of the key-value cache in use; None if one does not tell. Raises `Unreadable`."""
    told = [rank.get("token_usage") for rank in ranks]
    known = [float(usage) for usage in told if isinstance(usage, int | float) and not isinstance(usage, bool)]
    return ratio(sum(known) / len(known), "token_usage") if known and len(known) == len(told) else None


ENGINE = Engine(
    name="sglang",
    title="SGLang",
    liveness=openai.MODELS,
    read_liveness=openai.read_liveness,
    models=(openai.MODELS,),
    read_models=openai.read_loaded_models,
    plan=plan,
    reader=read_stats,
    stats_hint="start it with --enable-metrics, or update it to a version with /v1/loads",
)
