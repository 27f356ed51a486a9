"""The default policy: the candidate on which a request is predicted to cost least, itself and the others together.

Rules of this file
- Pure arithmetic over outlooks, since it runs for every candidate of every request. Costs are in seconds.

A request costs the time to its first token, part of the time of its other tokens (people read as it comes), a bounded
fine where the first token would come later than people wait, a little for the last free places of a machine, and what
the others there lose because it joins them.
"""

from router.balance.policy import Scene

FIRST_TOKEN_GOAL_SECONDS = 2.0
"""When people begin to wonder."""
LATE_FINE = 5.0
MOST_LATE_SECONDS = 2.0
"""The fine ends here: when nobody can be on time, the fine shall not decide."""
MARGIN = 1.15
WEIGHT_OF_WAIT = 3.0
"""A wait for a slot is less certain than a prediction of speed."""
WEIGHT_OF_ANSWER = 1.0
HEADROOM_SECONDS = 0.25
PART_STILL_TO_COME = 0.6
"""Of the answers that run, on average, weighed by how long they are."""


TOKEN_GOAL_SECONDS = 0.06
"""Some 17 tokens a second: about three times as fast as people read."""
SLOW_FINE = 2.5
"""The same as the most that a late first token costs."""


def _sluggish(token_seconds: float) -> float:
    """How likely it is that an answer comes too slowly, 0..1."""
    return min(1.0, max(0.0, (token_seconds / TOKEN_GOAL_SECONDS - 0.8) / 0.4))


def costs(scene: Scene) -> list[float]:
    """The predicted cost on each candidate, in seconds."""
    prompt_tokens = scene.demand.prompt_tokens
    answer_tokens = scene.lengths.expected(scene.demand.max_tokens)
    rest_tokens = PART_STILL_TO_COME * scene.lengths.mean
    found: list[float] = []
    for one, waiting in zip(scene.able, scene.before, strict=True):
        seen = one.outlook
        in_flight, slots = seen.in_flight + waiting, seen.slots
        wait = max(0.0, in_flight + 1 - slots) / seen.ends_per_second
        first = (
            seen.first_seconds
            + seen.prompt_seconds * prompt_tokens
            + max(wait, seen.ahead_seconds)
            + seen.silent_seconds
            + seen.cold_seconds
        )
        late = MARGIN * first + WEIGHT_OF_WAIT * wait - FIRST_TOKEN_GOAL_SECONDS
        fine = LATE_FINE * min(MOST_LATE_SECONDS, late) if late > 0 else 0.0
        company = min(in_flight, slots)
        slow = _sluggish(seen.token_seconds)
        fine += SLOW_FINE * (slow + 0.25 * company * (slow - _sluggish(seen.token_seconds - seen.crowding_seconds)))
        others = company * (seen.prompt_seconds * prompt_tokens + rest_tokens * seen.crowding_seconds)
        answer = WEIGHT_OF_ANSWER * (answer_tokens * seen.token_seconds + others)
        found.append(first + answer + fine + HEADROOM_SECONDS * min(1.0, in_flight / slots))
    return found
