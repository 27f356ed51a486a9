"""What a mail is looked for by: the sender or the subject in the words that stand before "mail".

Rules of this file
- Pure. A topic is a noun; whatever particles and linking words hang on it are of the sentence and not of the topic.
- What only looks like a topic is none: a folder, a day, a state ("unread"). Searching for such a word would find
  nothing, and the user would believe that there is nothing.
"""

from collections.abc import Sequence

from router.decide.patterns import lazy

_SENDER = lazy(r"(?<=..)님?(?:으로\s?부터|로\s?부터|에게서?|한테서?|께서?|에서|(?<=님)이)$")
"""Marks the sender. 님 goes as well: his mail is signed without it."""
_TAIL = lazy(r"(?<=..)(?:[와과을를]|(?<![문회강논동주합정건토결항심편호협명])의)$")
"""Particles of what the mail is about. 문의, 회의, 강의 … end with a syllable that is no particle."""
_SAID_BY = lazy(r"(?<=..)[이가]$")
"""Behind who has sent it: 친구가 보낸 메일."""
_CONTAINS = lazy(
    r"\s?(?:이?라는|이란)?\s?(?:단어|내용|정보|말|글|제목|키워드)?[이가을를]?\s?"
    r"(?:담긴|든|들어간|들어\s?있는|들어가\s?있는|포함된|포함한|적힌|언급된)$"
    r"|이?라는\s?(?:단어|제목|이름|말)$"
)
_ABOUT = lazy(r"\s?(?:와|과|에)?\s?(?:관련된?|관한|대한)$")
_NO_TOPIC = lazy(
    r"(?:^|\s)(?:너|누구|읽은|지운|삭제된|내게)|(?:함|함에서?|함에\s?있는|즐겨찾기\S*|휴지통\S*|스팸\S*|보관\S*|반송\S*|중요한?|읽지|안\s?읽은|못\s?읽은|확인|쓴|작성한|저장된|발신자|수신자)(?:\s|$)"
    r"|(?:첫|마지막|번째|맨|제일|가장|이전|직전|아까|방금|급한|긴급|응급)\S*(?:\s|$)"
    r"|(?:아침|저녁|오전|오후|점심|새벽|밤|작년|올해|재작년|내년|생일|명절|휴가|방학|주말|평일)(?:에|때|\s|$)|(?:달|주|해|년|날|번|때|일|통|개)에?$"
)
_UNFINISHED = lazy(
    r"(?:야\s?[할될]|[하되있지오]는|[했왔됐갔]던|된|(?<![북남신제권기])한|되어|해서|에|으로|(?<![진경도통항선])로)$"
)
"""Ends as a verb before its noun (확인 안 한), or says when or how. 북한, 신한, 경로 … are nouns."""


def topic_of(written: Sequence[str], *, sent: bool) -> str | None:
    """The topic in `written`, the words as they stand before "mail"; None where there is none to search for.

    `sent`: a word that says who sent it follows ("온", "보낸").
    """
    said = _ABOUT.sub("", _CONTAINS.sub("", " ".join(written)))
    if _NO_TOPIC.search(said):
        return None
    named = _SENDER.sub("", said)
    if named != said:
        return named
    named = (_SAID_BY if sent else _TAIL).sub("", said)
    return None if _UNFINISHED.search(named) else named
