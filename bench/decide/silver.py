# ruff: noqa: E501 - word lists: a line is a family of words
"""Natural Korean that nobody has labelled, labelled by its words where they leave little doubt.

Rules of this file
- The corpus (sae4k) has questions and orders only, and no small talk with an assistant: whatever in it speaks of no
  tool is none of the accepted labels. What speaks of one is labelled by plain patterns, or left out.
- Its licence is CC BY-SA 4.0, and an artefact trained with it carries that licence; `--without-share-alike` trains
  without. The sentences labelled by hand (`natural_ko_labels.jsonl`) are for measuring, and are never trained on.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from bench.decide.row import Row
from router.decide.intent.gates import speaks_to_assistant

FILE = "sae4k_unlabelled_ko.jsonl"
KEPT_EVERY = 10
"""Every tenth sentence is kept for measuring, whatever it is."""
LABELS = Path(__file__).with_name("natural_ko_labels.jsonl")
_TOOLS = re.compile(
    r"메일|편지|우편|일정|스케[줄쥴]|약속|캘린더|달력|회의|미팅|모임|면접|예약|답장|답신|회신|추가|등록|입력|할\s?일|과외|수업|기념일|생일|언제|몇\s?시"
)
_THINGS = re.compile(
    r"켜|꺼|끄|불|문|에어컨|보일러|날씨|먼지|기온|온도|습도|비[가 ]|눈이|바람|뉴스|기사|알람|주가|환율|검색|찾아|어디|조명|가스|티비|텔레비전|세탁|청소|음악|노래|창문|커튼|기차|버스|전화"
)


_MAIL = re.compile(r"메일|편지")
_MANAGED = re.compile(
    r"삭제|지[워우운]|차단|복구|복원|옮[겨기]|이동|읽음|읽은\s?것으로|읽었|스팸|휴지통|임시|보관|별표|분류|폴더|라벨|전달|백업|인쇄|번역|요약|답장|답변|저장|중요|다운|주소|비밀번호|용량|알림|알람|설정|로그|계정|서명|수신\s?확인|수신거부|"
    r"취소|발송|발신|예약|보낸|보냈|내가\s?쓴|내게\s?쓴|정렬|비워|비우|했니|되었|되어|됐|꺼|켜|바꿔|변경|등록|추가"
)
_SEEKS = re.compile(
    r"찾아|검색|확인|체크|보여|알려|추려|모아|나열|왔[니나어을는지던]|온\s?(?:거|게|적)|있[니나어지을는]|몇\s?[통개]|뭐[야니지]"
)
_SENDS = re.compile(r"메일(?:을|로|좀)?\s?(?:좀\s?)?보내(?:줘|줄|주|라|렴|\s?줘|\s?줄|$)")
_ENTRY = re.compile(r"일정|스케[줄쥴]|약속|회의|미팅|모임|면접|수업|과외|캘린더|달력")
_CHANGES = re.compile(
    r"취소|삭제|지[워우]|변경|바꿔|바꾸|미뤄|미루|옮[겨기]|비워|비우|수정|연기|당겨|알람|알림|공유|전달|메시지|초대|매[일주월년]|마다|했니|했어|됐|되었|장소는|시간은|이름은"
)
_ADDS = re.compile(r"(?:추가|등록|입력)(?:해|\s?부탁|$|하)")
_LOOKS = re.compile(r"알려|보여|있[니나어지을는]|뭐[야니지가]|언제|몇\s?시|몇\s?개|어떻게|확인")
_NO_LOOK = re.compile(
    r"장소|어디|누구|누가|회의실|날씨|추가|등록|입력|우리|만나자|하자|안건|자료|준비|참석|지켜|어기|얼마나|왜|끝났"
)


def silver_rows(data: Path) -> Iterator[Row]:
    """The unlabelled sentences whose words leave little doubt."""
    measured = natural_labels()
    for line in (data / FILE).read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        kept = raw["id"] in measured or int(raw["id"].rpartition("-")[2]) % KEPT_EVERY == 0
        label = None if kept else _label(raw["text"])
        if label is not None:
            yield Row(raw["id"], raw["text"], label, "sae4k")


def _label(text: str) -> str | None:
    if _MAIL.search(text):
        return _mail_label(text)
    if _ENTRY.search(text):
        return _entry_label(text)
    if _TOOLS.search(text) or speaks_to_assistant(text):
        return None
    return "other" if _THINGS.search(text) else "advice"


def _mail_label(text: str) -> str | None:
    if _SENDS.search(text) and not re.search(r"보낸|휴지통|스팸|보관|예약|취소", text):
        return "mail_send"
    if _MANAGED.search(text):
        return "near"
    return "mail_query" if _SEEKS.search(text) else None


def _entry_label(text: str) -> str | None:
    if _CHANGES.search(text):
        return "near"
    if _ADDS.search(text):
        return "cal_create"
    return "cal_query" if _LOOKS.search(text) and not _NO_LOOK.search(text) else None


def natural_labels() -> dict[str, str]:
    """Labels by hand of some sentences of the corpus, by id."""
    rows = map(json.loads, LABELS.read_text(encoding="utf-8").splitlines())
    return {row["id"]: row["label"] for row in rows}
