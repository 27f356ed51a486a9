"""Domains: subjects whose questions go to the documents without anybody saying 찾아줘; and the three that are shipped.

Rules of this file
- Data. How a message is matched stands in the keyword rules.
- A term is a word of the field that everyday talk does not use; `안전` alone would catch "안전하게 가세요".
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sidecar.config import EmptyList, Name, Section, Word, refused

PATTERN_WANTED = "a regular expression of Python"


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise refused(f"{PATTERN_WANTED} ({error.msg})") from None
    return pattern


Pattern = Annotated[Word, AfterValidator(_check_pattern), Field(json_schema_extra={"$comment": PATTERN_WANTED})]


class DomainConfig(Section):
    """A subject and how a message is seen to be about it."""

    name: Name
    """Unique; named in the reason of a decision."""
    terms: Annotated[tuple[Word, ...], Field(min_length=1, max_length=1000)]
    """Words that belong to it; capitals do not matter, and particles may follow."""
    patterns: Annotated[tuple[Pattern, ...], EmptyList] = ()
    """Regular expressions, for what no list of words can hold."""
    tool: Literal["document"] = "document"
    """The tool that answers."""
    prefer: Literal["ask", "search_full", "search"] = "ask"
    """Its operation that gets one point ahead."""


SHIPPED_DOMAINS = (
    DomainConfig(
        name="industrial_safety",
        terms=(
            "산업안전",
            "산업안전보건",
            "산업안전보건법",
            "산안법",
            "중대재해",
            "중대재해처벌법",
            "산업재해",
            "산재",
            "위험성평가",
            "안전보건",
            "안전보건관리체계",
            "안전관리자",
            "보건관리자",
            "관리감독자",
            "작업허가",
            "밀폐공간",
            "유해위험",
            "유해인자",
            "작업환경측정",
            "특수건강진단",
            "물질안전보건자료",
            "MSDS",
            "GHS",
            "공정안전",
            "공정안전관리",
            "PSM",
            "HAZOP",
            "KOSHA",
            "아차사고",
            "근골격계",
            "추락방지",
            "TBM",
            "LOTO",
            "industrial safety",
            "risk assessment",
            "confined space",
            "safety data sheet",
        ),
    ),
    DomainConfig(
        name="asme",
        terms=(
            "ASME",
            "BPVC",
            "Section VIII",
            "Section IX",
            "Section II",
            "Division 1",
            "Division 2",
            "압력용기",
            "용접절차",
            "용접절차서",
            "용접사 자격",
            "비파괴검사",
            "수압시험",
            "열처리",
            "허용응력",
            "두께 계산",
            "압력 배관",
            "플랜지",
            "B31.1",
            "B31.3",
            "B16.5",
            "WPS",
            "PQR",
            "PWHT",
            "MAWP",
            "MDMT",
            "UG-27",
            "pressure vessel",
            "boiler code",
            "welding procedure",
            "hydrostatic test",
            "allowable stress",
        ),
        patterns=(r"(?i)\bSec(?:tion|\.)\s*(?:[IVX]+|\d+)\b", r"(?i)\bU[GWCHS]{1,2}-\d+\b"),
    ),
    DomainConfig(
        name="statutes",
        terms=(
            "법령",
            "법률",
            "법조문",
            "조문",
            "시행령",
            "시행규칙",
            "훈령",
            "예규",
            "행정규칙",
            "조례",
            "별지 서식",
            "부칙",
            "벌칙",
            "과태료",
            "근로기준법",
            "소방시설법",
            "화학물질관리법",
            "화관법",
            "고압가스",
            "위험물안전관리법",
            "건설기술진흥법",
            "전기안전관리법",
            "statute",
            "enforcement decree",
        ),
        patterns=(r"(?:법|령|규칙|규정)\s*제?\s*\d+\s*(?:장|절|조|항)", r"제\s*\d+\s*조(?:의\s*\d+)?"),
    ),
)
"""The operator may replace all of them."""
