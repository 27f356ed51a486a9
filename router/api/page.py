"""The status page: four files that come with Maek, and nothing from anywhere else.

Rules of this file
- Open to whoever reaches the port: the files say nothing about anybody. What they show is asked for with a key.
- The browser is told to run these files alone: no inline script or style, no other host, no frame, and no text that
  becomes markup (`require-trusted-types-for`).
"""

from collections.abc import Mapping
from hashlib import blake2b
from importlib import resources

from aiohttp import web

from router.language import Language, accepted_language

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
OPEN_PATHS = frozenset({"/", "/page.css", "/page.js", "/words.js"})


def _read(name: str) -> str:
    return resources.files("router.web").joinpath(name).read_text("utf-8")


# Read once: a page and its script that are not of the same version would not understand each other.
_STYLE = _read("page.css").encode()
_SCRIPT = _read("page.js").encode()
_WORDS = _read("words.js").encode()
_PAGES = {language: _read("index.html").replace('lang="en"', f'lang="{language}"', 1).encode() for language in Language}


async def page(request: web.Request) -> web.StreamResponse:
    """`GET /`: the status page, in the language that the browser asks for."""
    language = accepted_language(request.headers.get("accept-language", ""))
    response = _answer(request, _PAGES[language], "text/html")
    response.headers.update({"content-language": language, "vary": "accept-language"})
    return response


async def style(request: web.Request) -> web.StreamResponse:
    """`GET /page.css`: how it looks."""
    return _answer(request, _STYLE, "text/css")


async def script(request: web.Request) -> web.StreamResponse:
    """`GET /page.js`: what it does."""
    return _answer(request, _SCRIPT, "text/javascript")


async def words(request: web.Request) -> web.StreamResponse:
    """`GET /words.js`: what it says, in both languages."""
    return _answer(request, _WORDS, "text/javascript")


def _answer(request: web.Request, body: bytes, content_type: str) -> web.Response:
    """The file, or that the browser has it already."""
    tag = blake2b(body, digest_size=12).hexdigest()
    known = request.if_none_match or ()
    if any(one.value == tag for one in known):
        response = web.Response(status=304, headers=HEADERS)
    else:
        response = web.Response(body=body, content_type=content_type, charset="utf-8", headers=HEADERS)
    response.etag = tag
    return response
