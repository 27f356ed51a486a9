# ruff: noqa: E501, SIM905 - word lists: a line is a family of phrases
"""Whether a message is a yes, or a no, and nothing else.

Rules of this file
- Pure. A draft is written on a yes alone, so a yes is what consists of nothing but words of agreement: a question, a
  quotation, a condition or any word that is not known here makes it none, whatever a model says of it.
- Words are told apart without spaces, as Korean is typed on a phone; a message is a yes if words cover all of it.
"""

from collections.abc import Collection, Iterator

from router.decide.folding import fold
from router.decide.patterns import lazy

MAX_CHARACTERS = 40
"""Without spaces; a longer one has conditions."""

_NOISE = lazy(r"[\s!.,~^♡♥]+|(?<=\w)'(?=\w)|[ㅋㅎㅠㅜ]{2,}|[\U0001F300-\U0001FAFF\u2600-\u27BF\ufe0f]+")
"""Question marks and quotation marks are no noise: "네?" is no yes, and neither is a yes that somebody quotes."""

_ENDINGS = (
    "",
    "요",
    "줘",
    "줘요",
    "주세요",
    "주십시오",
    "주시면돼요",
    "주시면됩니다",
    "라",
    "도돼",
    "도돼요",
    "도됩니다",
    "도좋아요",
    "도괜찮아요",
)
_DOING = ("해", "진행해", "저장해", "등록해", "추가해", "확정해", "예약해", "넣어", "잡아", "올려")
_ASKING_FOR = ("", "등록", "추가", "저장", "진행", "확정", "예약", "잘")
_PLEASE = ("부탁해", "부탁해요", "부탁드려요", "부탁드립니다", "부탁드릴게요", "부탁합니다", "부탁할게", "부탁할게요")
_GOING = ("하자", "하죠", "하지", "합시다", "할게", "할게요", "하겠습니다", "가자", "가죠", "갑시다", "갈게", "갈게요")

_YES = (
    frozenset(
        "네 넵 넹 넴 넨 예 옙 응 응응 엉 웅 어 어어 ㅇㅇ ㅇㅋ ㅇ 그래 그래요 그럼 그럼요 당연하지 당연하지요 당연하죠 당연 물론 물론이지 물론이죠 물론입니다 "
        "좋아 좋아요 좋습니다 좋지 좋지요 좋죠 좋네 좋네요 좋다 좋을것같아 좋을것같아요 좋겠어 좋겠어요 좋겠다 오케이 오케 오키 콜 굿 맞아 맞아요 맞습니다 맞네 맞네요 맞음 "
        "확인 확인했어 확인했어요 확인했습니다 괜찮아 괜찮아요 괜찮네 괜찮네요 괜찮습니다 괜찮을것같아 괜찮을것같아요 동의 동의해 동의해요 동의합니다 승인 승인해 승인합니다 찬성 "
        "진행 진행할게 등록 추가 저장 확정 확정이야 확정입니다 해 "
        "yes yeah yep yup ya yesplease ok okay okey k sure surething correct right thatsright thatscorrect confirm confirmed iconfirm agreed iagree goahead doit pleasedo pleasedoit "
        "soundsgood soundsgreat soundsgoodtome looksgood looksgoodtome looksgreat looksright perfect absolutely definitely great fine thatsfine thatworks thatworksforme worksforme "
        "saveit addit bookit createit scheduleit putitin letsdoit letsdothat letsgo letsgowiththat gowiththat goodtogo go lgtm exactly ofcourse byallmeans".split()
    )
    | {doing + ending for doing in _DOING for ending in _ENDINGS if doing + ending != "해라"}
    | {asked + please for asked in _ASKING_FOR for please in _PLEASE}
    | {f"{how}{going}" for how in ("그렇게", "그걸로", "그대로", "이대로", "이걸로") for going in _GOING}
)
_BESIDE = frozenset(
    "그렇게 그대로 그걸로 이대로 이걸로 그거 그걸 이거 이걸 그것 그것으로 그일정 이일정 일정 일정으로 일정을 그시간 그시간에 그시간으로 그날 그날로 초안 초안대로 "
    "아주 정말 진짜 딱 잘 음 그럼 그러면 바로 지금 얼른 빨리 고마워 고마워요 고맙습니다 감사 감사해 감사해요 감사합니다 땡큐 "
    "please thanks thankyou thankyousomuch thankyouverymuch thx it that the then now well oh so just entry event draft meeting appointment very much".split()
)
"""What may stand beside a yes and is none by itself."""
_NO = frozenset(
    "아니 아니요 아니오 아녀 아뇨 아닙니다 아니야 아니에요 ㄴㄴ ㄴ 노 노노 싫어 싫어요 싫습니다 됐어 됐어요 됐습니다 됐고 취소 취소해 취소해줘 취소해줘요 취소해주세요 취소해요 취소할게 취소할게요 취소하자 "
    "취소합니다 취소요 하지마 하지마요 하지말아줘 하지마세요 하지말아주세요 등록하지마 등록하지마요 등록하지마세요 등록하지말아줘 저장하지마 저장하지마세요 추가하지마 추가하지마세요 진행하지마 "
    "넣지마 넣지마세요 그만 그만둬 그만둘래 그만해 그만하자 안해 안해요 안할래 안할래요 안할게 안할게요 안돼 안돼요 필요없어 필요없어요 필요없습니다 관둬 말자 하지말자 됐다 괜찮아안할래 없던일로해줘 없던걸로해줘 없던일로하자 나중에 나중에할게 나중에할게요 "
    "no nope nah nay cancel cancelit cancelthat cancelplease dont dontdoit dontdothat donot nevermind nvm stop stopit forgetit forgetaboutit forgetthat nothanks nothankyou notnow noneed leaveit scratchthat".split()
)
_BESIDE_NO = frozenset(
    "그냥 음 아 그 이거 그거 그럼 그일정 고마워 고마워요 감사합니다 please thanks thankyou it that just well oh actually".split()
)


def agrees(message: str, persona: str = "") -> bool:
    """Whether `message` is a yes and nothing else, apart from thanks and the name of whom it is said to."""
    return _consists(message, persona, _YES, _BESIDE)


def refuses(message: str, persona: str = "") -> bool:
    """Whether `message` is a no and nothing else."""
    return _consists(message, persona, _NO, _BESIDE_NO)


def _consists(message: str, persona: str, words: Collection[str], beside: Collection[str]) -> bool:
    said = _NOISE.sub("", fold(message).lower())
    name = _NOISE.sub("", fold(persona).lower())
    called = {f"{name}{ending}" for ending in ("", "아", "야", "님")} if name else set()
    return 0 < len(said) <= MAX_CHARACTERS and _covered(said, words, {*beside, *called})


def _covered(said: str, words: Collection[str], beside: Collection[str]) -> bool:
    """Whether words cover all of `said`, at least one of them of `words`.

    Every place that can be reached is remembered with whether such a word has led there, so that it takes time with
    the length and not with the number of ways to read it.
    """
    reached: dict[int, set[bool]] = {0: {False}}
    longest = max(map(len, (*words, *beside)))
    for start in range(len(said)):
        for end, meant in _steps(said, start, longest, words, beside) if start in reached else ():
            reached.setdefault(end, set()).update(meant or before for before in reached[start])
    return True in reached.get(len(said), ())


def _steps(
    said: str, start: int, longest: int, words: Collection[str], beside: Collection[str]
) -> Iterator[tuple[int, bool]]:
    for end in range(start + 1, min(len(said), start + longest) + 1):
        piece = said[start:end]
        if piece in words:
            yield end, True
        if piece in beside:
            yield end, False
