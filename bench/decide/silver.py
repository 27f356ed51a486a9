"""Natural Korean without labels as negatives: what is asked and ordered among people, and of a house.

Rules of this file
- The corpus (sae4k) has questions and orders only, and no small talk with an assistant: whatever in it speaks of no
  tool is none of the accepted labels. What may speak of a tool is left out, because nobody has labelled it.
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
LABELS = Path(__file__).with_name("natural_ko_labels.jsonl")
_TOOLS = re.compile(
    r"메일|편지|우편|일정|스케[줄쥴]|약속|캘린더|달력|회의|미팅|모임|면접|예약|답장|답신|회신|추가|등록|입력|할\s?일|과외|수업|기념일|생일|언제|몇\s?시"
)
_THINGS = re.compile(
    r"켜|꺼|끄|불|문|에어컨|보일러|날씨|먼지|기온|온도|습도|비[가 ]|눈이|바람|뉴스|기사|알람|주가|환율|검색|찾아|어디|조명|가스|티비|텔레비전|세탁|청소|음악|노래|창문|커튼|기차|버스|전화"
)


def silver_rows(data: Path) -> Iterator[Row]:
    """The unlabelled sentences that are surely none of the accepted labels."""
    measured = natural_labels()
    for line in (data / FILE).read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        text = raw["text"]
        if raw["id"] in measured or _TOOLS.search(text) or speaks_to_assistant(text):
            continue
        yield Row(raw["id"], text, "other" if _THINGS.search(text) else "advice", "sae4k")


def natural_labels() -> dict[str, str]:
    """Labels by hand of some sentences of the corpus, by id."""
    rows = map(json.loads, LABELS.read_text(encoding="utf-8").splitlines())
    return {row["id"]: row["label"] for row in rows}
