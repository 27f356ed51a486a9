"""The default policy: the candidate on which a request is predicted to cost least, itself and the others together.

Rules of this file
- Pure arithmetic over outlooks, since it runs for every candidate of every request. Costs are in seconds.

A request costs the time to its first token, doubled, the time of its other tokens, a bounded fine where it would keep
people waiting longer than they like, a little for the last free places of a machine, and what the others there lose
because it joins them. Fines are bounded, so that they do not decide where nobody can be in time: then the rest does.
"""

from math import inf

from router.balance.policy import Scene

FIRST_TOKEN_GOAL_SECONDS = 2.0
"""When people begin to wonder."""
LATE_FINE = 5.0
MOST_LATE_SECONDS = 4.0
"""The fine ends here."""
MARGIN = 1.15
WEIGHT_OF_WAIT = 3.0
"""A wait for a slot is less certain than a prediction of speed."""

TOKEN_GOAL_SECONDS = 0.06
"""Some 17 tokens a second: about three times as fast as people read."""
SLOW_FINE = 2.5
SLOW_FROM_SECONDS = 0.8 * TOKEN_GOAL_SECONDS
SLOW_RANGE_SECONDS = 0.4 * TOKEN_GOAL_SECONDS
"""A prediction is off by a fifth: from four fifths of the goal on it may be missed, at six fifths it surely is."""

WEIGHT_OF_FIRST = 2.0
"""A second in which nothing comes is felt as much as two in which one reads."""
HEADROOM_SECONDS = 0.25
PART_STILL_TO_COME = 0.6
"""Of the answers that run, on average, weighed by how long they are."""


def costs(scene: Scene) -> list[float]:
    """The predicted cost on each candidate, in seconds."""
    lengths, cached = scene.lengths, scene.cached
    prompt_tokens: float = scene.demand.prompt_tokens
    answer_tokens, prompts_ratio = lengths.expected(scene.demand.max_tokens), lengths.prompts_ratio
    rest_tokens = PART_STILL_TO_COME * lengths.mean
    found: list[float] = []
    for place, one in enumerate(scene.able):
        outlook = one.outlook
        slots, apart = outlook.slots, outlook.apart
        first, ahead, prompt = outlook.first_seconds, outlook.ahead_seconds, outlook.prompt_seconds
        crowding = outlook.crowding_seconds
        token_seconds = outlook.later_seconds + outlook.others * prompts_ratio * prompt
        if (pace := outlook.pace) != 1.0:
            first, ahead, prompt, crowding = first * pace, ahead * pace, prompt * pace, crowding * pace
            token_seconds *= pace
        prompt *= prompt_tokens - cached[place] if cached else prompt_tokens
        taken, wait = outlook.in_flight - apart + scene.before[place], 0.0  # of those that share its slots
        if taken >= slots:
            wait = (taken + 1 - slots) / outlook.ends_per_second(lengths)
            taken = slots
        first += prompt + max(wait, ahead) + outlook.silent_seconds + outlook.cold_seconds
        company = taken + apart
        delay = prompt + rest_tokens * crowding
        cost = WEIGHT_OF_FIRST * first + answer_tokens * token_seconds + company * delay
        late = MARGIN * first + WEIGHT_OF_WAIT * wait - FIRST_TOKEN_GOAL_SECONDS
        if late > 0:
            cost += LATE_FINE * min(late, MOST_LATE_SECONDS)
        if token_seconds > SLOW_FROM_SECONDS:
            alone = token_seconds - crowding
            worse = _slow(alone + delay / lengths.mean) - _slow(alone)
            cost += SLOW_FINE * (_slow(token_seconds) + company * worse)
        if slots < inf:
            cost += HEADROOM_SECONDS * taken / slots
        found.append(cost)
    return found


def _slow(token_seconds: float) -> float:
    """How likely it is that an answer comes too slowly, 0..1."""
    return min(1.0, max(0.0, (token_seconds - SLOW_FROM_SECONDS) / SLOW_RANGE_SECONDS))
