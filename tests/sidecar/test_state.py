from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given

from sidecar.facts import BackendSpec
from sidecar.state import BackendState
from sidecar.work import Work
from tests.states import states

MINI = BackendState(BackendSpec("mini", "http://10.0.0.1:8080"))


@given(states)
def test_a_changed_state_is_what_replacing_its_fields_gives(state: BackendState) -> None:
    before = replace(state)
    changed = state.changed(draining=not state.draining, work=Work())
    assert changed == replace(state, draining=not state.draining, work=Work())
    assert state == before
    assert state.changed() == state


def test_a_field_that_there_is_not_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="no such field: colour"):
        MINI.changed(colour="red", draining=True)


def test_a_state_is_not_written_to() -> None:
    with pytest.raises(FrozenInstanceError):
        MINI.draining = True  # type: ignore[misc]
