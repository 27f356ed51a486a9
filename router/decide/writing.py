"""Whether a message wants a text made, and only speaks of entries and mail.

Rules of this file
- Pure. What stands in quotation marks, or is to be translated, summarised or played, is not what the user wants done.
"""

import re

from router.decide.patterns import lazy

_WRITING = lazy(
    r"[\"“”`{}<>\[\]|]|번역|통역|요약|영작|영어로|한국어로|초안|문구|작문|역할|인 척|이제부터|지금부터|무조건|"
    r"답해|대답해|(?:라고|라는)\s?(?:말|답|대답|글|문장)|"
    r"표로|(?:문서|보고서|표|시|글|이야기|목록|코드)(?:으)?로\s?(?:만들|바꿔|바꾸|써|작성|정리)|"
    r"\b(?:translat\w*|summar\w*|draft\w*|rewrite|rephrase|table of|list of|pros and cons|act as|pretend|role ?play|"
    r"from now on|ignore|poem|essay|story|code|script)\b",
    re.IGNORECASE,
)


def wants_writing(text: str) -> bool:
    """Whether folded `text` asks for work on words, so that a request inside it is not the user's own."""
    return _WRITING.search(text) is not None
