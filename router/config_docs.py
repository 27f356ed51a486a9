"""Writes what can be told from the models of the configuration: its JSON Schema and its page of the documentation.

    python -m router.config_docs            writes config.schema.json and docs/config.md
    python -m router.config_docs --check    exit status 1 when one of them is not what would be written

Rules of this file
- Pure but for the last two functions. Every sentence comes from the models, so that nothing here can be wrong alone.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from router.config import ROLE_DEFAULTS, Config
from router.config_load import defaults
from sidecar.config import Loc, Schema, dotted, paths, resolved, wanted

INTRODUCTION = """\
# Configuration

<!-- Written by `python -m router.config_docs`; change the models in sidecar/config.py and router/config.py instead. -->

Maek reads `./config.yaml`, or the file after `--config`. Every key may be left out; an empty file means the defaults
below. `maek check` says everything that is wrong with a file, each with its line and what was wanted, and exits with 1.
An unknown key is an error. The file is YAML 1.2: `on` and `yes` are text, only `true` and `false` are not.

No secret stands in it. The key of a backend is a reference: `env:NAME` for an environment variable, `file:/PATH` for a
file. The keys of callers are hashes; `maek key new` makes a key and prints its hash. `--listen` and `--port` override
`router.listen`; the environment variable `MAEK_DATA_DIR` overrides `router.data_dir`.

With `reload_on_change`, or at SIGHUP, a changed file is taken up without a restart. A broken one is reported and the
old configuration stays.

`config.schema.json` tells editors the same: `config.yaml` names it in its first line.
"""


ROLES: Loc = ("router", "roles", "NAME")


def schema() -> dict[str, Any]:
    """The JSON Schema of a configuration file."""
    told = Config.model_json_schema()
    # the short form of a key: a hash alone
    told["$defs"]["KeyConfig"] = {
        "anyOf": [told["$defs"]["KeyConfig"]["properties"]["hash"], told["$defs"]["KeyConfig"]]
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_trimmed(told), "title": "Maek configuration"}


def page() -> str:
    """docs/config.md: one table a section."""
    root = Config.model_json_schema()
    values = defaults().model_dump(mode="json")
    chapters = [INTRODUCTION]
    for loc, inner in _sections(root):
        rows = list(_rows(loc, inner, root, values))
        if rows:
            told = resolved(inner, root).get("description", "")
            chapters.append(f"## {_title(loc)}\n\n{told}\n\n{_table(rows)}")
            if loc == ROLES:
                chapters.append("".join(map(_role_note, ROLE_DEFAULTS)))
    return "\n".join(chapters)


def _role_note(role: str) -> str:
    differs = ", ".join(f"`{key}: {_plain(value)}`" for key, value in ROLE_DEFAULTS[role].items())
    return f"The role `{role}` always exists and differs by {differs}.\n"


def _sections(root: Schema) -> Iterator[tuple[Loc, Schema]]:
    """Every mapping with keys of its own, once."""
    for loc, inner in paths(root):
        entry = _of_items(inner, root)
        if "properties" in entry:
            yield (*loc, *_placeholder(inner, root)), entry


def _of_items(schema: Schema, root: Schema) -> Schema:
    """For a list or a mapping with free keys: what stands in it."""
    schema = resolved(schema, root)
    for inner in (schema.get("items"), *schema.get("patternProperties", {}).values()):
        if inner is not None:
            return resolved(inner, root)
    return schema


def _placeholder(schema: Schema, root: Schema) -> Loc:
    schema = resolved(schema, root)
    if "items" in schema:
        return (0,)
    return ("NAME",) if "patternProperties" in schema else ()


def _title(loc: Loc) -> str:
    return dotted(loc).replace("[0]", "[]")


def _rows(loc: Loc, section: Schema, root: Schema, values: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    required = section.get("required", ())
    for key, inner in section["properties"].items():
        if "properties" in _of_items(inner, root):
            continue  # has a table of its own
        default = "" if key in required else _default(values, (*loc, key), inner)
        yield f"`{key}`", wanted(inner, root), default, inner.get("description", "")


def _default(values: Any, loc: Loc, schema: Schema) -> str:
    """The default as it would be written; for keys inside a list or under a free name, the model's own."""
    for part in loc:
        if not isinstance(values, Mapping) or part not in values:
            return _literal(schema.get("default", {}))
        values = values[part]
    return _literal(values)


def _literal(value: object) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)}`"


def _plain(value: Any) -> Any:
    """Numbers as people write them: 30 for 30.0."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    lines = ["| key | what it takes | default | what for |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _trimmed(schema: Any) -> Any:
    """Without the titles that pydantic makes up from names, and the defaults of sections, which stand at their keys."""
    if isinstance(schema, Mapping):
        return {key: _trimmed(inner) for key, inner in schema.items() if not _is_noise(key, inner)}
    return [_trimmed(item) for item in schema] if isinstance(schema, list) else schema


def _is_noise(key: str, value: Any) -> bool:
    if key == "title":
        return isinstance(value, str)
    return key == "default" and (
        isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(item, Mapping) for item in value))
    )


def written(root: Path) -> dict[Path, str]:
    """The files that this module writes below a folder, with what belongs in them."""
    text = json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"
    return {root / "config.schema.json": text, root / "docs" / "config.md": page()}


def main(arguments: list[str], root: Path) -> int:
    """Writes, or with `--check` compares. Returns the exit status."""
    stale = [path for path, text in written(root).items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(root)} is not up to date; run: python -m router.config_docs\n")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written(root)[path], "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], Path(__file__).resolve().parents[1]))
