"""What servers answer, without the keys in it: for what is shown to people, and pasted by them into reports.

Rules of this file
- Pure. Rather too much is hidden than too little: whoever needs the whole has the server.
- What is hidden leaves no trace of itself, not even its length.
"""

import re
from collections.abc import Iterable

HIDDEN = "[hidden]"

NAMES = r"(?:api|hf|access|auth|admin|secret)[-_]?(?:api[-_]?)?(?:key|token)s?|authorization|password|secret|token"

# Bounded or possessive throughout: an answer may be anything, and costs its length and no more.
ASSIGNED = re.compile(
    rf"""
    ((?:\b|_)(?:{NAMES})\\?["']?\s{{0,3}}[:=]\s{{0,3}}\\?["'])  # "api_key": "…", api_key='…'; JSON within JSON too
    [^"'\\]++
    """,
    re.VERBOSE | re.IGNORECASE,
)
OPTION = re.compile(
    rf"""
    (--(?:{NAMES})(?:["'\\]{{1,4}}\s{{0,3}},\s{{0,3}}["'\\]{{1,4}}|[=\ ]))  # --api-key …; "--api-key", "…"
    [^\s"'\\,\]]++
    """,
    re.VERBOSE | re.IGNORECASE,
)
HEADER = re.compile(r"\b(Bearer|Basic)\s{1,3}[A-Za-z0-9._~+/=-]{4,}+")
ISSUED = re.compile(r"\b(?:sk|hf|gsk|nvapi|ghp|xox[abp])[-_][A-Za-z0-9_-]{8,}+")
"""What the keys of well-known issuers look like, wherever they stand."""
LOGIN = re.compile(r"(://)[^\s/@:\"']{1,200}+:[^\s/@\"']{1,200}+@")

PATTERNS = (
    (ASSIGNED, rf"\1{HIDDEN}"),
    (OPTION, rf"\1{HIDDEN}"),
    (HEADER, rf"\1 {HIDDEN}"),
    (ISSUED, HIDDEN),
    (LOGIN, rf"\1{HIDDEN}@"),
)


def redacted(text: str, secrets: Iterable[str | None] = ()) -> str:
    """The text without these secrets, and without whatever looks like one."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    for pattern, shown in PATTERNS:
        text = pattern.sub(shown, text)
    return text
