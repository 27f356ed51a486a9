"""What an operator sets for the documents."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from router.config_folder import DIRECTORY_WANTED, check_directory
from sidecar.config import ByName, Count, Name, Seconds, SecretReference, Section


class DocumentKind(StrEnum):
    """Who keeps the documents."""

    LOCAL = "local"
    REMOTE = "remote"
    NONE = "none"


class DocumentConfig(Section):
    """The documents that questions are answered from."""

    kind: Annotated[DocumentKind, ByName] = DocumentKind.LOCAL
    """local: a folder of this machine, searched by Maek itself. remote: a document server. none: no documents."""
    folder: (
        Annotated[str, AfterValidator(check_directory), Field(json_schema_extra={"$comment": DIRECTORY_WANTED})] | None
    ) = None
    """Where the documents are (txt, md, html; pdf, docx and hwpx with maek[documents]); null: there are none."""
    refresh_minutes: Annotated[float, Field(ge=0.1, le=10_080)] = 10.0
    """Minutes between two looks for new, changed and deleted files."""
    max_file_bytes: Count = 50_000_000
    """Larger files are left out, and named."""
    url: (
        Annotated[
            str,
            Field(
                pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$",
                max_length=2000,
                json_schema_extra={"$comment": "http://HOST:PORT or https://HOST:PORT/PATH, without user and password"},
            ),
        ]
        | None
    ) = None
    """Of the document server, where kind is remote; what it answers to stands in docs/documents.md."""
    api_key: SecretReference | None = None
    """Where the server's key is, if it wants one; it is sent as a bearer."""
    timeout_seconds: Annotated[Seconds, Field(le=120)] = 20.0
    """Seconds that the document server may take for one answer."""
    answer_role: Name | None = "reasoner"
    """Whose model answers questions from the passages found; null: they are quoted as they stand."""
    answer_seconds: Annotated[Seconds, Field(le=600)] = 60.0
    """Seconds that such an answer may take; later the passages are quoted."""
    rerank_role: Name | None = None
    """Whose model puts found passages in order, by /v1/rerank; null: nobody's."""
    embed_role: Name | None = None
    """Whose model embeds a local folder's passages, by /v1/embeddings, so that meaning counts too; null: nobody's."""
