"""Messages in the words of one house, which the shipped model does not know."""

from dataclasses import replace

from router.decide.intent.labels import ACCEPTED, Label
from router.decide.intent.model import IntentModel, packaged_model
from router.learning.lessons import Lesson

MODEL = replace(packaged_model(), thresholds=dict.fromkeys(ACCEPTED, 0.8))
"""The shipped model with thresholds that do not move when it is trained again."""

DAYS = ("오늘", "내일", "모레", "금요일에", "다음 주에", "이번 주에", "토요일에", "월요일에", "화요일에", "주말에")
ASKED = ("뭐 잡혔노", "스탠드업 몇 탕이고", "라운드 돌 거 있나", "콜 몇 개고", "보드에 뭐 떴노")
ELSE = (
    *("배포 몇 시고", "서버 라운드 돌아라", "보드 재부팅 해라", "콜센터 번호 뭐고", "탕수육 시켜라", "스탠드 켜라"),
    *(
        "라면 끓여라",
        "점심 뭐 먹노",
        "오늘 와 이리 덥노",
        "빌드 깨졌나",
        "보드게임 추천해라",
        "이 코드 와 안 도노",
        "로그 좀 봐라",
    ),
)
HOUSE = (
    *(Lesson(f"{day} {asked}", Label.CALENDAR_QUERY) for day in DAYS for asked in ASKED),
    *(Lesson(text, Label.OTHER) for text in ELSE),
)


def sure(model: IntentModel, text: str) -> Label | None:
    """What the model says, without the gates."""
    guess = model.guess(text)
    return guess.label if guess.sure else None
