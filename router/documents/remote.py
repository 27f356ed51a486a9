"""An archive kept by a document server: two questions over HTTP, by the contract in docs/documents.md.

Rules of this file
- The server is a stranger: its answers are bounded in time, size and number, follow no redirect, and are checked word
  for word before anybody sees them. Its key is read when it is used, and is in no message.
- What it cannot give is `ArchiveFailed`. A connection that fails is raised as it is: whoever calls tries once more.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import aiohttp
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from router.documents.query import snippet, terms_of
from router.tools.documents.archive import ArchiveFailed, Document, Holdings, Passage, Vectors, visible
from sidecar.config import SecretUnusable, resolve

log = logging.getLogger(__name__)

MOST_PASSAGES = 100
MOST_ANSWER_BYTES = 4 * 1024 * 1024
"""A hundred passages and a long document fit; what is larger is not read to its end."""
MOST_TEXT_CHARACTERS = 1_000_000
MOST_PASSAGE_CHARACTERS = 4000
MOST_NAME_CHARACTERS = 500

ModelT = TypeVar("ModelT", bound="_Shape")


class _Shape(BaseModel):
    """What is not asked for may be there, and is passed over: contracts grow."""

    model_config = ConfigDict(frozen=True, strict=True)


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())


_Name = Annotated[str, AfterValidator(_one_line), Field(max_length=MOST_NAME_CHARACTERS)]
_Id = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]


class _Document(_Shape):
    doc_id: _Id
    title: _Name
    path: _Name = ""

    def known(self) -> Document:
        """For the tool."""
        return Document(self.doc_id, self.title, self.path or self.doc_id)


class _Passage(_Document):
    text: Annotated[str, AfterValidator(visible), Field(max_length=MOST_PASSAGE_CHARACTERS)]
    heading: _Name = ""
    score: Annotated[float, Field(allow_inf_nan=False, strict=False)] = 0.0


class _Found(_Shape):
    passages: Annotated[list[_Passage], Field(max_length=MOST_PASSAGES)]


class _Text(_Document):
    text: Annotated[str, AfterValidator(visible), Field(max_length=MOST_TEXT_CHARACTERS)]


@dataclass(frozen=True, slots=True)
class RemoteArchive:
    """An `Archive` behind `url`. `api_key` is a reference; `http` lends a session."""

    url: str
    api_key: str | None
    timeout_seconds: float
    http: Callable[[], aiohttp.ClientSession]

    async def holdings(self) -> Holdings:
        """Nobody asks a server how much it has."""
        return Holdings(0, 0, complete=True)

    async def recent(self, limit: int) -> tuple[Document, ...]:
        """See `Archive`: a search for nothing."""
        found = await self._searched("", limit)
        return tuple({one.doc_id: one.known() for one in found}.values())[:limit]

    async def passages(self, query: str, limit: int) -> tuple[Passage, ...]:
        """See `Archive`, in the server's own order."""
        terms = terms_of(query)
        found = await self._searched(query, limit)
        return tuple(
            Passage(one.known(), one.heading, one.text, snippet(one.text, terms), one.score) for one in found[:limit]
        )

    async def text(self, doc_id: str) -> tuple[Document, str] | None:
        """See `Archive`."""
        found = await self._asked("read", {"doc_id": doc_id}, _Text)
        return None if found is None else (found.known(), found.text)

    async def vectors(self, _passages: Sequence[Passage]) -> Vectors | None:
        """It keeps none for us: a server that ranks has its own way."""
        return None

    async def _searched(self, query: str, limit: int) -> Sequence[_Passage]:
        asked = {"query": query, "limit": min(limit, MOST_PASSAGES)}
        found = await self._asked("search", asked, _Found)
        if found is None:
            raise self._failed("it does not know /search (HTTP 404)")
        return found.passages

    async def _asked(self, what: str, body: Mapping[str, Any], shape: type[ModelT]) -> ModelT | None:
        """The answer, in its shape; None where the server has no such thing."""
        timeout = aiohttp.ClientTimeout(total=self.timeout_seconds)
        try:
            async with self.http().post(
                f"{self.url.rstrip('/')}/{what}",
                json=body,
                headers=self._headers(),
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    return None
                if response.status != HTTPStatus.OK:
                    raise self._failed(_why(response.status))
                return shape.model_validate_json(await self._read(response))
        except TimeoutError as error:
            raise self._failed(f"no answer in {self.timeout_seconds:g} s") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise self._failed(f"its answer is not as agreed: {where or 'JSON'}: {first['type']}") from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for part in response.content.iter_any():
            content += part
            if len(content) > MOST_ANSWER_BYTES:
                raise self._failed(f"its answer is larger than {MOST_ANSWER_BYTES} bytes")
        return bytes(content)

    def _headers(self) -> Mapping[str, str]:
        if self.api_key is None:
            return {}
        try:
            return {"authorization": f"Bearer {resolve(self.api_key, os.environ)}"}
        except SecretUnusable as error:
            raise self._failed(f"its key cannot be read: {error.found}") from error

    def _failed(self, why: str) -> ArchiveFailed:
        log.error("document server cannot be asked url=%s reason=%s", self.url, why)
        return ArchiveFailed(why)


def _why(status: int) -> str:
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return f"it refused the key with HTTP {status}; set router.tools.document.api_key"
        case _ if 300 <= status < 400:
            return f"it redirects with HTTP {status}; set router.tools.document.url to where it really is"
        case _:
            return f"it answered with HTTP {status}"
