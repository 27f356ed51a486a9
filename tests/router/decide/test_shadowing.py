from dataclasses import replace

import pytest

from router.config import Config
from router.decide.request import Domain, Rules
from router.decide.shadowing import DOMAINS, shadowed
from router.decider import rules_of
from tests.router.decide.given import RULES, TOOLS


def told(*domains: Domain) -> list[tuple[tuple[str | int, ...], str]]:
    return [(one.loc, one.found) for one in shadowed(replace(RULES, domains=domains))]


def test_nothing_shadows_anything_in_what_is_shipped() -> None:
    assert list(shadowed(rules_of(Config(), TOOLS))) == []


@pytest.mark.parametrize(("first", "second"), [("ASME", "asme"), ("안전", "안전 관리"), ("위험성평가", "위험성 평가")])
def test_a_term_that_an_earlier_domain_takes_never_decides(first: str, second: str) -> None:
    ((place, found),) = told(Domain("first", (first,)), Domain("second", ("용접", second)))
    assert place == (*DOMAINS, 1, "terms", 1)
    assert found == f"{second}, which the domain first takes first"


def test_the_order_of_the_domains_decides_which_is_shadowed() -> None:
    assert told(Domain("first", ("안전 관리",)), Domain("second", ("안전",))) == []


def test_an_expression_of_an_earlier_domain_takes_terms_as_well() -> None:
    ((_, found),) = told(Domain("first", ("용접",), patterns=(r"제\s*\d+조",)), Domain("second", ("제3조",)))
    assert found == "제3조, which the domain first takes first"


@pytest.mark.parametrize(
    ("terms", "place"), [(("안전", "안전 관리"), 1), (("안전 관리", "안전"), 0), (("ASME", "asme"), 1)]
)
def test_a_term_that_another_of_its_domain_finds_is_told_once(terms: tuple[str, str], place: int) -> None:
    ((found_at, _),) = told(Domain("only", terms))
    assert found_at == (*DOMAINS, 0, "terms", place)


@pytest.mark.parametrize("term", ["메일", "일정", "gpu"])
def test_a_word_of_another_tool_never_brings_a_message_to_a_domain(term: str) -> None:
    ((_, found),) = told(Domain("only", (term,)))
    assert found.startswith(f"{term}, a word of Maek's own rules for")


def test_an_expression_that_fits_an_empty_text_takes_every_message() -> None:
    ((place, _),) = told(Domain("only", ("용접",), patterns=(r"제\d+조", r"\d*")))
    assert place == (*DOMAINS, 0, "patterns", 1)


def test_a_service_with_the_name_of_a_host_is_never_asked_about() -> None:
    rules = Rules(RULES.tools, RULES.persona, hosts={"gpu": ()}, services={"gpu": (), "mlx": ()})
    assert [one.loc[-1] for one in shadowed(rules)] == ["gpu"]
