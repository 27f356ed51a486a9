import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.conversation import Message, Role
from router.decide.prompt import PROMPT_VERSION, bounded, messages, system_prompt
from router.tokens import estimate_message_tokens
from tests.router.decide.given import DRAFT, PERSONA, TOOLS, facts


def test_the_prompt_has_a_version() -> None:
    assert PROMPT_VERSION


def test_it_begins_with_who_speaks_and_how() -> None:
    assert system_prompt(facts("ko"), TOOLS, PERSONA).startswith("당신은 이드입니다. 다정하고 담백하게 말합니다.\n")
    assert system_prompt(facts("en"), TOOLS, PERSONA).startswith("You are 이드. Friendly and plain.\n")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_operation_of_the_registry_is_told_with_its_parameters(language: str) -> None:
    prompt = system_prompt(facts(language), TOOLS, PERSONA)
    for tool in TOOLS.values():
        for operation in tool.operations.values():
            assert f"  - {tool.name}.{operation.name}(" in prompt
            assert all(name in prompt for name in operation.params.model_fields)


def test_a_tool_that_is_not_in_the_registry_is_not_listed() -> None:
    assert "- infra:" not in system_prompt(facts(), {"calendar": TOOLS["calendar"]}, PERSONA)


def test_the_prompt_tells_who_when_and_what_waits() -> None:
    korean = system_prompt(facts("ko", DRAFT), TOOLS, PERSONA)
    english = system_prompt(facts("en", DRAFT), TOOLS, PERSONA)
    assert "당신은 이드입니다" in korean
    assert "2026-11-25 (수요일) 10:00 KST" in korean
    assert "2026-11-25 (Wednesday) 10:00 KST" in english
    assert DRAFT.summary in korean
    assert "Pending draft" in english


def test_without_a_draft_none_is_marked() -> None:
    assert "Pending draft (" not in system_prompt(facts("en"), TOOLS, PERSONA)


def test_what_changes_stands_at_the_end_so_that_the_prefix_stays_the_same() -> None:
    prompt = system_prompt(facts(), TOOLS, PERSONA)
    assert prompt.rstrip().endswith("## 지금\n2026-11-25 (수요일) 10:00 KST")


def test_the_chat_is_system_history_and_the_message_in_this_order() -> None:
    history = [Message(Role.USER, "안녕"), Message(Role.ASSISTANT, "안녕하세요")]
    chat = messages("오늘 일정", facts(), history, tools=TOOLS, persona=PERSONA)
    assert [turn["role"] for turn in chat] == ["system", "user", "assistant", "user"]
    assert [turn["content"] for turn in chat[1:]] == ["안녕", "안녕하세요", "오늘 일정"]


_HISTORIES = st.lists(st.builds(Message, st.sampled_from(Role), st.text(max_size=40)), max_size=12)


@given(_HISTORIES, st.integers(0, 200))
def test_history_is_a_suffix_that_fits_and_begins_with_the_user(history: list[Message], budget: int) -> None:
    kept = bounded(history, budget)
    assert kept == history[len(history) - len(kept) :]
    assert sum(estimate_message_tokens(message.text) for message in kept) <= budget
    assert not kept or kept[0].role is Role.USER
