"""What an operator sets for the documents."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from router.config_folder import DIRECTORY_WANTED, check_directory
from sidecar.config import ByName, Count, Section


class DocumentKind(StrEnum):
    """Who keeps the documents."""

    LOCAL = "local"
    NONE = "none"


class DocumentConfig(Section):
    """The documents that questions are answered from."""

    kind: Annotated[DocumentKind, ByName] = DocumentKind.LOCAL
    """local: a folder of this machine, searched by Maek itself. none: no documents."""
    folder: (
        Annotated[str, AfterValidator(check_directory), Field(json_schema_extra={"$comment": DIRECTORY_WANTED})] | None
    ) = None
    """Where the documents are (txt, md, html; pdf and docx with maek[documents]); null: there are none."""
    refresh_minutes: Annotated[float, Field(ge=0.1, le=10_080)] = 10.0
    """Minutes between two looks for new, changed and deleted files."""
    max_file_bytes: Count = 50_000_000
    """Larger files are left out, and named."""
