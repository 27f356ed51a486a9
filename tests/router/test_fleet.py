"""The backends as the router sees them."""

from router.balance.pools import Candidate
from router.fleet import Fleet, takes_schema
from sidecar import BackendRemoved, BackendSpec, BackendState, Level, LoadRules, Model, Snapshot, Store
from tests.router.fleets import add, now

SMALL = Model("small", parameters=1e9)
LARGE = Model("large", parameters=3e10)


class Counted:
    """A store that counts how often it is looked at, behind a fleet that notes who asks for levels."""

    def __init__(self) -> None:
        self.store = Store()
        self.noted: list[str] = []
        self.fleet = Fleet(self.snapshot, ("classifier", "reasoner"), LoadRules(), self._note)

    def snapshot(self) -> Snapshot:
        return self.store.snapshot(now())

    def _note(self, _at: float, backend: str) -> None:
        self.noted.append(backend)


async def test_pools_follow_the_backends_that_come_and_go() -> None:
    one = Counted()
    assert one.fleet.pool_of_role("reasoner") == ()
    add(one.store, BackendSpec("a", "http://a:1"), models=(SMALL, LARGE))
    assert one.fleet.pool_of_role("reasoner") == (Candidate("a", "large"),)
    assert one.fleet.pool_of_role("classifier") == (Candidate("a", "small"),)
    assert one.fleet.pool_of_role("poet") == ()
    one.store.apply(BackendRemoved(now(), "a"))
    assert one.fleet.pool_of_role("reasoner") == ()


async def test_pools_are_made_anew_only_when_what_is_offered_changes() -> None:
    one = Counted()
    add(one.store, BackendSpec("a", "http://a:1"), models=(SMALL,))
    before = one.fleet.pools()
    assert one.fleet.pools() is before
    add(one.store, BackendSpec("b", "http://b:1"), models=(LARGE,))
    assert one.fleet.pools() is not before


async def test_models_are_listed_with_everybody_who_offers_them() -> None:
    one = Counted()
    add(one.store, BackendSpec("a", "http://a:1"), models=(SMALL, LARGE))
    add(one.store, BackendSpec("b", "http://b:1", models={"reasoner": "mine"}), models=(LARGE,))
    assert one.fleet.models() == {"small": ["a"], "large": ["a", "b"], "mine": ["b"]}
    assert one.fleet.pool_of_model("large") == (Candidate("a", "large"), Candidate("b", "large"))


async def test_whoever_asks_for_a_level_is_noted() -> None:
    one = Counted()
    add(one.store, BackendSpec("a", "http://a:1"))
    seen = one.snapshot()
    assert one.fleet.level_at(seen.backends["a"], seen) is Level.FREE
    assert one.noted == ["a"]


def test_an_engine_that_nobody_knows_is_not_sent_a_schema() -> None:
    spec = BackendSpec("a", "http://a:1")
    assert [takes_schema(BackendState(spec, engine=engine)) for engine in (None, "vllm", "mlx", "unheard-of")] == [
        False,
        True,
        False,
        False,
    ]
