from dataclasses import replace

import pytest

from sidecar.engines.engine import Model
from sidecar.facts import BackendSpec
from sidecar.health import Health, Verdict
from sidecar.residency import is_resident, with_resident
from sidecar.state import BackendState

UP = BackendState(BackendSpec("mini", "http://10.0.0.1:8080"), health=Health(Verdict.UP))
LISTED = (Model("here", loaded=True), Model("there", loaded=False), Model("coming", loaded=False, loading=True))
LISTING = replace(UP, models=(*LISTED, Model("silent")))


@pytest.mark.parametrize(
    ("state", "model", "resident"),
    [
        (LISTING, "here", True),
        (LISTING, "there", False),
        (LISTING, "coming", False),
        (LISTING, "silent", None),
        (LISTING, "unheard-of", None),
        (UP, "here", None),
        (replace(LISTING, health=Health(Verdict.UP, sleeping=True)), "here", False),
        (replace(UP, health=Health(Verdict.UP, sleeping=True)), "here", False),
    ],
)
def test_a_model_is_in_memory_if_the_backend_says_so_and_is_awake(
    state: BackendState, model: str, resident: bool | None
) -> None:
    assert is_resident(state, model, 1.0) is resident


@pytest.mark.parametrize("name", ["there", "coming", "silent", "here"])
def test_a_model_that_answered_is_in_memory_and_no_other_is_moved(name: str) -> None:
    listed = (*LISTED, Model("silent"))
    found = with_resident(listed, name)
    assert found is not None
    for before, after in zip(listed, found, strict=True):
        assert after == (replace(before, loaded=True, loading=False) if before.name == name else before)


def test_where_no_models_are_listed_none_appears() -> None:
    assert with_resident(None, "here") is None
    assert with_resident(LISTED, "unheard-of") == LISTED
