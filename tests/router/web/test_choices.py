"""Why a backend got a request, as the status page is told."""

from math import inf

from router.balance.seen import Exclusion
from router.balance.why import MOST_SHOWN
from router.web.choices import MOST_LEFT_OUT, choice_glimpse
from tests.router.choices import able, out, why

MINI, GPU = able("mini", 2.1049), able("gpu", 6.3)


def test_who_won_stands_beside_who_came_next_and_who_was_left_out() -> None:
    assert choice_glimpse(why(GPU, out("nas"), MINI, won=MINI)) == {
        "policy": "predicted",
        "able": 2,
        "tied": 1,
        "won": {"backend": "mini", "cost": 2.1},
        "next": {"backend": "gpu", "cost": 6.3},
        "left_out": [{"backend": "nas", "why": "down"}],
        "more_left_out": 0,
        "panic": False,
    }


def test_where_nobody_can_serve_nobody_won() -> None:
    told = choice_glimpse(why(out("a"), out("b", Exclusion.DRAINING), panic=True))
    assert (told["won"], told["next"], told["able"], told["tied"], told["panic"]) == (None, None, 0, 0, True)
    assert [one["why"] for one in told["left_out"]] == ["down", "draining"]


def test_the_only_one_has_nobody_next() -> None:
    told = choice_glimpse(why(MINI, won=MINI))
    assert (told["able"], told["next"]) == (1, None)


def test_equals_are_counted_and_a_cost_without_end_is_unknown() -> None:
    first, second, endless = able("a", 2.0), able("b", 2.0), able("c", inf)
    assert choice_glimpse(why(first, second, endless, won=first))["tied"] == 2
    assert choice_glimpse(why(first, endless, won=first))["next"] == {"backend": "c", "cost": None}


def test_of_many_a_few_are_named_and_the_others_counted() -> None:
    dead = [out(f"dead-{number:02}") for number in range(MOST_SHOWN + 7)]
    told = choice_glimpse(why(MINI, *dead, won=MINI))
    assert len(told["left_out"]) == MOST_LEFT_OUT
    assert told["more_left_out"] == len(dead) - MOST_LEFT_OUT
    fit = [able(f"fit-{number:02}", 2.0 + number) for number in range(MOST_SHOWN + 7)]
    assert choice_glimpse(why(*fit, won=fit[0]))["able"] == len(fit)
