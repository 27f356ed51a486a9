"""Asking a running Maek, from the command line.

Rules of this file
- What goes wrong is an `Unanswered` whose sentence says what to do; no exception of the HTTP client leaves this file.
- The key comes from the environment: on a command line everybody on the machine could read it.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from router.language import pick

KEY_VARIABLE = "MAEK_KEY"
ANSWER_SECONDS = 5.0
"""What is asked here is answered from memory; whoever takes longer hangs."""
PATIENCE_SECONDS = 330.0
"""Deleting a conversation waits for the answer that is being given in it, for 300 s unless configured otherwise."""


class Unanswered(Exception):
    """There is no answer; the text tells the user why and what to do."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """Of HTTP; None where there was none."""


class Remote:
    """A running Maek. `language` is that of the sentences."""

    def __init__(self, session: aiohttp.ClientSession, url: str, language: str) -> None:
        self.url = url
        self._session = session
        self._language = language

    async def get(self, path: str) -> Any:
        """The JSON at a path. Raises Unanswered."""
        return self._read(await self.text(path))

    async def post(self, path: str) -> Any:
        """The JSON that a POST without a body is answered with. Raises Unanswered."""
        return self._read(await self.text(path, "POST"))

    async def delete(self, path: str) -> Any:
        """The JSON that a DELETE is answered with. Raises Unanswered."""
        return self._read(await self.text(path, "DELETE"))

    def _read(self, body: str) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Unanswered(self.not_maek()) from None

    async def text(self, path: str, method: str = "GET", seconds: float = ANSWER_SECONDS) -> str:
        """The body at a path. Raises Unanswered, also where none has come after so long."""
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.request(method, self.url + path, timeout=timeout) as response:
                body = await response.text(errors="replace")
        except aiohttp.InvalidURL:
            raise Unanswered(
                pick(
                    self._language,
                    ko=f"{self.url}: URL이 아닙니다. http://127.0.0.1:8484 처럼 적어 주세요.",
                    en=f"{self.url} is no URL; wanted one such as http://127.0.0.1:8484.",
                )
            ) from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise Unanswered(self._silent()) from None
        if response.status in (200, 202, 204):
            return body
        raise Unanswered(self._refused(response.status, body), response.status)

    def _silent(self) -> str:
        return pick(
            self._language,
            ko=f"{self.url}에서 응답이 없습니다. `maek serve`가 실행 중인가요?",
            en=f"nothing answers at {self.url}. Is `maek serve` running?",
        )

    def not_maek(self) -> str:
        """The sentence for answers that make no sense."""
        return pick(
            self._language,
            ko=f"{self.url}에서 응답하는 것은 이 명령이 물을 수 있는 Maek이 아닙니다.",
            en=f"what answers at {self.url} is no Maek that this command could ask.",
        )

    def _refused(self, status: int, body: str) -> str:
        if status == 401:
            return pick(
                self._language,
                ko=f"이 Maek은 키가 필요합니다. 환경 변수 {KEY_VARIABLE}에 키를 넣어 주세요.",
                en=f"this Maek wants a key; put one that it knows into the environment variable {KEY_VARIABLE}.",
            )
        try:
            message: str = orjson.loads(body)["error"]["message"]
        except (orjson.JSONDecodeError, LookupError, TypeError):
            return self.not_maek()
        return message


@asynccontextmanager
async def remote(url: str, language: str) -> AsyncIterator[Remote]:
    """The Maek at a URL, with the key of the environment."""
    key = os.environ.get(KEY_VARIABLE)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Remote(session, url.rstrip("/"), language)
