"""A document server for Maek, as small as it gets: a folder of .txt and .md files, searched by counting words.

    python examples/document_server.py FOLDER [PORT]        # DOCUMENT_KEY=... wants that key

What it answers to is Maek's whole contract (docs/documents.md): POST /search and POST /read, JSON in and out. Put your
own search behind the same two questions. Only the standard library is needed.
"""

import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 9000
KEY = os.environ.get("DOCUMENT_KEY", "")
MOST_BODY_BYTES = 64 * 1024
PASSAGE_CHARACTERS = 800


def documents() -> dict[str, Path]:
    """Every file by its number, which is its place in the folder."""
    files = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".txt", ".md") and not path.is_symlink())
    return {path.relative_to(FOLDER).as_posix().encode().hex(): path for path in files}


def named(doc_id: str, path: Path) -> dict[str, str]:
    """What a document is called."""
    return {"doc_id": doc_id, "title": path.stem, "path": path.relative_to(FOLDER).as_posix()}


def search(query: str, limit: int) -> list[dict[str, object]]:
    """The paragraphs that say most of the words; without words, the beginning of every document."""
    words, found = query.casefold().split(), list[tuple[int, dict[str, object]]]()
    for doc_id, path in documents().items():
        paragraphs = path.read_text("utf-8", "replace").split("\n\n")
        for text in paragraphs if words else paragraphs[:1]:
            score = sum(text.casefold().count(word) for word in words)
            if score or not words:
                found.append((score, {**named(doc_id, path), "text": text[:PASSAGE_CHARACTERS], "score": score}))
    return [passage for _, passage in sorted(found, key=lambda one: -one[0])[:limit]]


class Handler(BaseHTTPRequestHandler):
    """Two questions."""

    def do_POST(self) -> None:
        """Answers /search and /read."""
        size = int(self.headers.get("content-length") or 0)
        if KEY and not hmac.compare_digest(self.headers.get("authorization", "").encode(), f"Bearer {KEY}".encode()):
            return self.answer(401, {"error": "a key is wanted"})
        if size > MOST_BODY_BYTES:
            return self.answer(413, {"error": "too long"})
        asked = json.loads(self.rfile.read(size) or b"{}")
        if self.path == "/search":
            return self.answer(200, {"passages": search(str(asked.get("query", "")), int(asked.get("limit", 20)))})
        path = documents().get(str(asked.get("doc_id"))) if self.path == "/read" else None
        if path is None:
            return self.answer(404, {"error": "there is no such thing"})
        text = path.read_text("utf-8", "replace")
        return self.answer(200, {**named(str(asked["doc_id"]), path), "text": text})

    def answer(self, status: int, body: object) -> None:
        """JSON, and nothing else."""
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
