"""What the tests of documents share: real files in a real folder, and an archive over it."""

import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import docx
from hwpx.document import HwpxDocument
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from router.documents.folder import Folder
from router.documents.local import LocalArchive
from router.documents.refreshing import Report

LAW = """# 산업안전보건법

제1장 총칙

제1조(목적) 이 법은 산업 안전 및 보건에 관한 기준을 확립하고 그 책임의 소재를 명확하게 한다.

제6장 유해·위험물질에 대한 조치

제104조(유해인자의 분류기준) 고용노동부장관은 화학물질의 유해성·위험성 분류기준을 마련하여야 한다.

제16장 보칙

제160조(서류의 보존) 사업주는 안전관리에 관한 서류를 3년간 보존하여야 한다.
"""


def archive_over(tmp_path: Path, *, max_file_bytes: int = 1_000_000) -> LocalArchive:
    """An archive over `tmp_path/docs`, which is made."""
    root = tmp_path / "docs"
    root.mkdir(exist_ok=True)
    return LocalArchive(Folder(root.resolve(), max_file_bytes), tmp_path / "data" / "documents" / "index.sqlite3")


def refreshed(archive: LocalArchive) -> Report:
    """The archive as its folder is now."""
    return archive.refreshed_here(lambda _done, _total: None)


def put(archive: LocalArchive, path: str, content: str | bytes) -> Path:
    """A file in the archive's folder."""
    file = archive.folder.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def docx_of(*paragraphs: tuple[str, str]) -> bytes:
    """A document of Word: style and text of each paragraph, and a table after them."""
    document = docx.Document()
    for style, text in paragraphs:
        document.add_paragraph(text, style=style)
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "보호구", "안전모"
    packed = BytesIO()
    document.save(packed)
    return packed.getvalue()


def hwpx_of(*paragraphs: str) -> bytes:
    """A document of Hangul Office: these paragraphs, and a table after them."""
    with warnings.catch_warnings(action="ignore"):
        document = HwpxDocument.new()
        for text in paragraphs:
            document.add_paragraph(text)
        table = document.add_table(1, 2)
        table.set_cell_text(0, 0, "보호구")
        table.set_cell_text(0, 1, "안전모")
        packed = BytesIO()
        document.save_to_stream(packed)
    return packed.getvalue()


def repacked(content: bytes, name: str, part: bytes) -> bytes:
    """The packed document with another part of that name."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, part if entry.filename == name else old.read(entry))
    return made.getvalue()


def pdf_of(text: str, password: str | None = None) -> bytes:
    """A PDF with one page that says a line of ASCII; without text, an empty page."""
    writer = PdfWriter()
    page = writer.add_blank_page(width=300, height=300)
    if text:
        _write_on(writer, page, text)
    if password is not None:
        writer.encrypt(password)
    packed = BytesIO()
    writer.write(packed)
    return packed.getvalue()


def _write_on(writer: PdfWriter, page: object, text: str) -> None:
    assert isinstance(page, DictionaryObject)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode("ascii"))
    page[NameObject("/Contents")] = writer._add_object(stream)
