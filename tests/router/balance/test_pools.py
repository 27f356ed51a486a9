"""Which candidates serve a role or a model."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.balance.pools import Candidate, offered, pool_of_model, pool_of_role, pools
from sidecar import BackendSpec, BackendState, Model, ModelKind
from tests.states import states

SMALL = Model("small", parameters=1e9)
LARGE = Model("large", parameters=3e10)
UNKNOWN = Model("unknown")
EMBEDDING = Model("bge-m3", ModelKind.EMBEDDING, parameters=5e8)


def backend(
    name: str,
    *models: Model,
    roles: Mapping[str, str] | None = None,
    simulated: bool = False,
    listed: bool = True,
) -> BackendState:
    """A backend that offers these models."""
    spec = BackendSpec(name, f"http://{name}:1", models=roles or {}, simulated=simulated)
    return BackendState(spec, models=models if listed else None)


def fleet(*states: BackendState) -> dict[str, BackendState]:
    """By name, in this order."""
    return {one.name: one for one in states}


def pool(role: str, *states: BackendState) -> list[tuple[str, str]]:
    """The pool of a role as plain values."""
    return [(one.backend, one.model) for one in pool_of_role(fleet(*states), role)]


@pytest.mark.parametrize(
    ("role", "states", "expected"),
    [
        ("reasoner", (), []),
        # The operator's word
        ("reasoner", (backend("a", SMALL, roles={"reasoner": "mine"}), backend("b", LARGE)), [("a", "mine")]),
        ("reasoner", (backend("a", roles={"reasoner": "mine"}, listed=False),), [("a", "mine")]),
        ("reasoner", (backend("a", SMALL, LARGE, roles={"reasoner": "auto"}),), [("a", "small")]),
        ("reasoner", (backend("a", roles={"reasoner": "auto"}),), []),
        ("reasoner", (backend("a", roles={"reasoner": "auto"}, listed=False), backend("b", LARGE)), []),
        (
            "reasoner",
            (backend("a", roles={"reasoner": "x"}), backend("b", roles={"reasoner": "y"})),
            [("a", "x"), ("b", "y")],
        ),
        ("coder", (backend("a", SMALL, roles={"coder": "c"}), backend("b", LARGE)), [("a", "c")]),
        # Backends open to all
        ("reasoner", (backend("a", SMALL, LARGE),), [("a", "large")]),
        ("classifier", (backend("a", LARGE, SMALL),), [("a", "small")]),
        ("classifier", (backend("a", LARGE, roles={"reasoner": "large"}), backend("b", SMALL)), [("b", "small")]),
        ("classifier", (backend("a", LARGE, roles={"reasoner": "large"}),), []),
        ("reasoner", (backend("a", LARGE), backend("b", SMALL), backend("c", LARGE)), [("a", "large"), ("c", "large")]),
        ("coder", (backend("a", SMALL, LARGE),), [("a", "large")]),
        ("reasoner", (backend("a", UNKNOWN, SMALL),), [("a", "small")]),
        ("classifier", (backend("a", SMALL, UNKNOWN),), [("a", "unknown")]),
        ("reasoner", (backend("a", UNKNOWN, Model("other")),), [("a", "unknown")]),
        ("reasoner", (backend("a", Model("x", size_bytes=1), Model("y", size_bytes=2)),), [("a", "y")]),
        ("reasoner", (backend("a", listed=False),), []),
        ("reasoner", (backend("a"),), []),
        # Embeddings
        ("embedder", (backend("a", LARGE, EMBEDDING),), [("a", "bge-m3")]),
        ("embedder", (backend("a", LARGE),), []),
        ("reasoner", (backend("a", EMBEDDING),), []),
        ("classifier", (backend("a", EMBEDDING, SMALL),), [("a", "small")]),
        # The simulator
        ("reasoner", (backend("sim", LARGE, simulated=True),), [("sim", "large")]),
        ("reasoner", (backend("sim", LARGE, simulated=True), backend("a", SMALL)), [("a", "small")]),
        ("reasoner", (backend("sim", LARGE, simulated=True), backend("a", listed=False)), [("sim", "large")]),
        ("reasoner", (backend("sim", LARGE, simulated=True), backend("a", roles={"reasoner": "auto"})), []),
    ],
)
def test_who_serves_a_role(role: str, states: tuple[BackendState, ...], expected: list[tuple[str, str]]) -> None:
    assert pool(role, *states) == expected


fleets = st.lists(states, max_size=3).map(
    lambda found: {
        f"b{number}": BackendState(
            BackendSpec(f"b{number}", "http://x:1", models=one.spec.models, simulated=one.spec.simulated),
            models=(SMALL, LARGE, EMBEDDING)[: one.work.in_flight % 4] or None,
        )
        for number, one in enumerate(found)
    }
)
roles = st.sampled_from(["classifier", "reasoner", "embedder", "coder"])


@given(fleets, roles)
def test_a_candidate_is_a_backend_with_a_model_that_it_offers(found: dict[str, BackendState], role: str) -> None:
    for one in pool_of_role(found, role):
        assert one.model in offered(found[one.backend])


@given(fleets, roles)
def test_a_pool_names_every_backend_once_and_in_their_order(found: dict[str, BackendState], role: str) -> None:
    names = [one.backend for one in pool_of_role(found, role)]
    assert names == [name for name in found if name in names]


@given(fleets, roles)
def test_where_the_operator_named_somebody_nobody_else_serves(found: dict[str, BackendState], role: str) -> None:
    named = {name for name, state in found.items() if role in state.spec.models}
    if named:
        assert {one.backend for one in pool_of_role(found, role)} <= named


@given(fleets, roles)
def test_a_simulator_without_a_role_stands_in_only_where_no_real_backend_can(
    found: dict[str, BackendState], role: str
) -> None:
    served = [found[one.backend] for one in pool_of_role(found, role)]
    if any(state.spec.simulated and not state.spec.models for state in served):
        real = {name: state for name, state in found.items() if not state.spec.simulated}
        assert pool_of_role(real, role) == ()


@given(fleets, st.randoms(use_true_random=False))
def test_the_order_of_the_backends_changes_only_the_order_of_the_pools(found: dict[str, BackendState], rng) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(found.items())
    rng.shuffle(shuffled)
    one, other = pools(found, ["classifier", "reasoner"]), pools(dict(shuffled), ["classifier", "reasoner"])
    assert {role: set(members) for role, members in one.items()} == {role: set(some) for role, some in other.items()}


def test_a_model_is_served_by_everybody_who_lists_it_or_is_configured_to_run_it() -> None:
    found = fleet(
        backend("a", SMALL, LARGE), backend("b", roles={"reasoner": "large"}, listed=False), backend("c", SMALL)
    )
    assert pool_of_model(found, "large") == (Candidate("a", "large"), Candidate("b", "large"))
    assert pool_of_model(found, "auto") == ()


def test_models_are_offered_once_and_auto_is_no_model() -> None:
    state = backend("a", SMALL, LARGE, roles={"classifier": "small", "reasoner": "auto", "coder": "mine"})
    assert offered(state) == ("small", "large", "mine")
    assert offered(backend("b", listed=False)) == ()
