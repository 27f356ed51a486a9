import pytest

from router.tools.describe import describe
from router.tools.hosts.host import Host
from router.tools.infra import InfraSettings
from router.tools.parameters import canonical, description
from router.tools.registry import ToolSettings, build

OPERATIONS = {
    "calendar": {
        "today": [],
        "search": ["date_from", "date_to"],
        "create_draft": ["title", "date", "time", "end_time", "description"],
        "create_confirmed": [],
    },
    "email": {"search": ["query", "days"], "read": ["uid"]},
    "document": {"ask": ["query"], "search_full": ["query"], "search": ["query"], "read": ["doc_id"]},
    "infra": {"status": ["host"], "health": ["service"], "disk": ["host"], "network": [], "models": ["host"]},
}
TOOLS = build()


def test_the_registry_has_the_tools_and_operations_that_maek_promises() -> None:
    found = {
        tool.name: {operation.name: list(operation.params.model_fields) for operation in tool.operations.values()}
        for tool in TOOLS.values()
    }
    assert found == OPERATIONS
    assert list(TOOLS) == list(OPERATIONS)


def test_names_in_the_maps_are_the_names_in_the_specifications() -> None:
    for name, tool in TOOLS.items():
        assert tool.name == name
        assert all(operation.name == key for key, operation in tool.operations.items())


def test_every_title_and_every_parameter_is_described_in_both_languages() -> None:
    for tool in TOOLS.values():
        assert tool.title_ko
        assert tool.title_en
        for operation in tool.operations.values():
            assert operation.title_ko
            assert operation.title_en
            for field in operation.params.model_fields.values():
                assert description(field, "ko")
                assert description(field, "en")
                assert description(field, "ko") != description(field, "en")


def test_only_writing_the_confirmed_draft_changes_anything() -> None:
    writing = [f"{t.name}.{o.name}" for t in TOOLS.values() for o in t.operations.values() if o.writes]
    assert writing == ["calendar.create_confirmed"]


def test_only_documents_tell_the_user_to_wait() -> None:
    for tool in TOOLS.values():
        for operation in tool.operations.values():
            assert operation.notice_ko == ("서고를 확인하는 중입니다" if tool.name == "document" else None)
            assert bool(operation.notice_en) == (tool.name == "document")


def test_only_infra_works_without_being_set_up() -> None:
    assert [tool.name for tool in TOOLS.values() if tool.configured] == ["infra"]


@pytest.mark.parametrize(("hosts", "host"), [({}, "gpu"), ({"mini": Host(), "gpu": Host()}, "mini")])
def test_the_first_host_is_meant_where_none_is_named(hosts: dict[str, Host], host: str) -> None:
    infra = build(ToolSettings(InfraSettings(hosts)))["infra"]
    assert canonical(infra.operations["status"].params, {}) == {"host": host}
    assert canonical(infra.operations["disk"].params, {}) == {}


def test_mail_is_searched_seven_days_back_by_default() -> None:
    assert canonical(TOOLS["email"].operations["search"].params, {}) == {"query": "", "days": 7}


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "  - document.read(doc_id): read one document [doc_id: the document's doc_id]"),
        (
            "en",
            (
                "  - calendar.search(date_from, date_to): entries between two days [date_from: first day YYYY-MM-DD; "
                "date_to: last day YYYY-MM-DD, included]"
            ),
        ),
        ("ko", "  - document.ask(query): 문서 내용에 대한 질문에 답하기 [query: 질문 그대로]"),
        ("en", "  - calendar.today(): today's entries"),
        ("en", "  - infra.disk(host?): disk space [host: name; none: all]"),
        ("ko", "  - email.read(uid): 메일 한 통 읽기 [uid: 메일 번호(uid)]"),
    ],
)
def test_the_description_has_a_line_for_every_operation(language: str, line: str) -> None:
    assert line in describe(TOOLS, language).splitlines()
