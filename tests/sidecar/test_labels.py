import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.labels import MOST_MODELS, OTHER, ModelLabels

HOSTILE = ('"', "\\", "\n", "\x00", "모델", "other", 'a"} 1\nmaek_backend_up{backend="x', "x" * 10_000)


def labels(**named: list[str]) -> ModelLabels:
    """Backends with the models that the operator has named for them."""
    known = ModelLabels()
    for backend, models in named.items():
        known.name(backend, models)
    return known


def test_a_model_that_the_operator_named_or_the_backend_lists_has_its_own_name() -> None:
    known = labels(mini=["gemma4"])
    assert known.label("mini", "gemma4", []) == "gemma4"
    assert known.label("mini", "qwen3", ["qwen3", "llama"]) == "qwen3"
    assert known.folded == 0


@pytest.mark.parametrize("model", HOSTILE)
def test_a_model_that_nobody_offers_has_none_whatever_it_is_called(model: str) -> None:
    known = labels(mini=["gemma4"])
    assert [known.label("mini", model, ["qwen3"]) for _ in range(3)] == [OTHER] * 3
    assert known.folded == 3


def test_where_nobody_said_which_model_it_is_nothing_was_folded() -> None:
    known = labels(mini=[])
    assert (known.label("mini", "", [""]), known.folded) == (OTHER, 0)


def test_a_name_that_has_been_told_once_stays_though_it_is_listed_no_more() -> None:
    known = labels(mini=[])
    known.label("mini", "qwen3", ["qwen3"])
    assert known.label("mini", "qwen3", []) == "qwen3"


@pytest.mark.parametrize("named", [0, 1, 60, MOST_MODELS - 1, MOST_MODELS + 50])
def test_of_ten_thousand_models_that_are_listed_as_many_have_a_name_as_leave_room_for_what_is_named(named: int) -> None:
    known = labels(mini=[f"named{n}" for n in range(named)], gpu=[])
    listed = [f"listed{n}" for n in range(10_000)]
    told = {known.label("gpu", model, listed) for model in listed}
    told |= {known.label("mini", f"named{n}", []) for n in range(named)}
    assert len(told) == max(MOST_MODELS, named + 1)
    assert {f"named{n}" for n in range(named)} <= told
    assert known.folded == 10_000 - max(0, MOST_MODELS - 1 - named)


def test_the_same_model_on_two_backends_takes_one_place() -> None:
    known = labels(a=[], b=[])
    listed = [f"m{n}" for n in range(MOST_MODELS - 1)]
    for backend in ("a", "b"):
        assert [known.label(backend, model, listed) for model in listed] == listed
    assert known.label("a", "one more", ["one more"]) == OTHER


def test_a_backend_that_is_gone_gives_back_what_only_it_had() -> None:
    known = labels(a=[], b=[])
    listed = [f"m{n}" for n in range(MOST_MODELS - 1)]
    for model in listed:
        known.label("a", model, listed)
    known.label("b", "m0", listed)
    known.forget("a")
    fresh = [f"fresh{n}" for n in range(MOST_MODELS)]
    told = [known.label("b", model, fresh) for model in fresh]
    assert told == [*fresh[: MOST_MODELS - 2], OTHER, OTHER]
    known.forget("nobody knows this one")


_names = st.sampled_from([f"m{n}" for n in range(120)])
_steps = st.lists(
    st.tuples(st.just("name"), st.sampled_from("abc"), st.frozensets(_names, max_size=4))
    | st.tuples(st.just("forget"), st.sampled_from("abc"), st.just(frozenset()))
    | st.tuples(st.just("label"), st.sampled_from("abc"), st.frozensets(_names, max_size=60)),
    max_size=60,
)


@given(_steps)
def test_values_are_bounded_and_what_is_named_is_never_folded(steps: list[tuple[str, str, frozenset[str]]]) -> None:
    known, named, told = ModelLabels(), dict[str, frozenset[str]](), dict[str, set[str]]()
    ever_named = set[str]()
    for step, backend, models in steps:
        if step == "name":
            known.name(backend, models)
            named[backend] = models
            ever_named |= models
        elif step == "forget":
            known.forget(backend)
            named.pop(backend, None)
            told.pop(backend, None)
        elif backend in named:
            for model in sorted(models):
                label = known.label(backend, model, models)
                assert label in (model, OTHER)
                assert label == model or model not in named[backend]
                told.setdefault(backend, set()).add(label)
    values = {label for labels in told.values() for label in labels}
    assert len(values - ever_named - {OTHER}) < MOST_MODELS
