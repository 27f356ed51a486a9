"""A configuration out of a file: what is right, and every sentence about what is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config import Config
from router.config_load import check, defaults, dump, load, loads
from sidecar import ConfigInvalid, Problem
from sidecar.config import parse, paths
from tests.fakes.configs import configs

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "config.yaml"
BAD = sorted((ROOT / "tests/data/config/bad").glob("*.yaml"))
ENVIRON = {"MAEK_TEST_EMPTY": ""}


def problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigInvalid) as refusal:
        loads(text, environ or {})
    return [str(problem) for problem in refusal.value.problems]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_gets_exactly_these_sentences(path: Path) -> None:
    said = "".join(f"{problem}\n" for problem in check(path, ENVIRON))
    assert said.replace(f"{path.parent}/", "") == path.with_suffix(".txt").read_text("utf-8")


def test_there_is_a_bad_file_for_many_faults_and_no_sentence_without_a_file() -> None:
    assert len(BAD) >= 25
    assert sorted(path.stem for path in BAD[0].parent.glob("*.txt")) == [path.stem for path in BAD]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_no_sentence_shows_a_secret(path: Path) -> None:
    assert "sesame" not in "".join(map(str, check(path, ENVIRON)))


def test_the_shipped_file_is_the_defaults() -> None:
    assert check(SHIPPED) == ()
    assert load(SHIPPED) == defaults()


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("")
    assert load(tmp_path / "config.yaml") == defaults()


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert [problem.found for problem in check(tmp_path / "config.yaml")] == ["no such file"]


def test_every_key_of_the_models_is_in_the_shipped_file_or_in_its_examples() -> None:
    document = parse(with_examples(SHIPPED.read_text("utf-8")), "config.yaml")
    assert document.problems == ()
    stand_there = {plain(loc) for loc in document.lines}
    wanted_there = {plain(loc) for loc, _ in paths(Config.model_json_schema())}
    assert sorted(wanted_there - stand_there) == []


def test_the_examples_of_the_shipped_file_can_be_used() -> None:
    config = loads(with_examples(SHIPPED.read_text("utf-8")), {"MAIL_PASSWORD": "open"})
    assert [backend.name for backend in config.sidecar.backends] == ["mini", "gpu"]
    assert list(config.router.tools.calendar.accounts) == ["kim"]
    assert list(config.router.tools.infra.services) == ["document-server"]
    assert list(config.router.tools.infra.hosts) == ["gpu", "nas"]
    assert list(config.router.tools.mcp.servers) == ["time", "wiki"]
    assert [account.keys for account in config.router.tools.email.accounts.values()] == [("bot",)]
    assert [key.name for key in config.router.keys] == [None, "bot"]


def with_examples(text: str) -> str:
    """The file with its commented examples in the place of the empty values above them."""
    without_empty = re.sub(r"^ *\w+: (\[\]|\{\}) .*For example:$", "", text, flags=re.MULTILINE)
    return re.sub(
        r"^( +)# (?=(accounts|backends|services|servers|keys):$|nas:|  )", r"\1", without_empty, flags=re.MULTILINE
    )


FREE = {"accounts", "hosts", "services", "servers", "roles"}


def plain(loc: tuple[Any, ...]) -> tuple[Any, ...]:
    """A way on which positions and free names count as one."""
    return tuple(
        0 if isinstance(part, int) else "NAME" if before in FREE else part
        for before, part in zip((None, *loc), loc, strict=False)
    )


def test_the_shipped_file_fits_the_published_schema() -> None:
    published = json.loads((ROOT / "config.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(published)
    values = json.loads(json.dumps(parse(SHIPPED.read_text("utf-8"), "f").values))
    assert list(validator.iter_errors(values)) == []
    wrongs: list[Any] = [{"sidecars": {}}, {"router": {"listn": "a"}}, {"sidecar": {"backends": [{"name": "a"}]}}]
    assert [wrong for wrong in wrongs if validator.is_valid(wrong)] == []


def test_the_published_schema_takes_keys_in_their_short_form() -> None:
    published = json.loads((ROOT / "config.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(published)
    digest = f"sha256:{0:064x}"
    assert list(validator.iter_errors({"router": {"keys": [digest, {"hash": digest, "name": "bot"}]}})) == []
    assert list(validator.iter_errors({"router": {"keys": ["open-sesame"]}})) != []


@settings(deadline=None, max_examples=20)  # each example writes and reads a whole file
@given(configs())
def test_a_dumped_configuration_is_read_back_the_same(config: Config) -> None:
    environ = {"MAEK_TEST_KEY": "open-sesame"}
    assert loads(dump(config), environ) == config


KNOWN_KEYS = sorted({str(loc[-1]) for loc, _ in paths(Config.model_json_schema())} | {"x"})
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN_KEYS), inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None, max_examples=50)
@given(anything)
def test_whatever_is_written_the_answer_is_a_configuration_or_its_problems(values: object) -> None:
    said = _problems_of(json.dumps({"sidecar": values, "router": values}))
    lines = [problem.line or 0 for problem in said]
    assert lines == sorted(lines)
    assert all("\n" not in str(problem) for problem in said)


def _problems_of(text: str) -> tuple[Problem, ...]:
    try:
        loads(text, {})
    except ConfigInvalid as error:
        return error.problems
    return ()


def test_problems_of_form_of_keys_and_between_keys_come_together() -> None:
    text = """\
router:
  listen: 0.0.0.0:1
  language: kr
  language: en
sidecar:
  backends:
    - {name: a, url: "http://a", slots: 0}
    - {name: a, url: "http://b"}
"""
    assert [said.split(":")[1:3] for said in problems(text)] == [
        ["2", " router.listen"],
        ["3", " router.language"],
        ["4", " router.language"],
        ["7", " sidecar.backends[0].slots"],
        ["8", " sidecar.backends[1].name"],
    ]


def test_keys_let_other_machines_in() -> None:
    config = loads(f"router:\n  listen: 0.0.0.0:8484\n  keys: ['sha256:{0:064x}']\n")
    assert config.router.address == ("0.0.0.0", 8484)


def test_the_address_of_the_command_line_wins_and_is_judged_alike(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("router:\n  listen: 0.0.0.0:1\n  language: en\n")
    config = load(path, {}, listen="127.0.0.1:2")
    assert (config.router.listen, config.router.language) == ("127.0.0.1:2", "en")
    with pytest.raises(ConfigInvalid):
        load(path, {}, listen="0.0.0.0:2")
    with pytest.raises(ConfigInvalid):
        load(tmp_path / "nothing.yaml", {}, listen="127.0.0.1:2")


def test_a_backend_may_serve_any_role_that_is_configured() -> None:
    text = """\
sidecar: {backends: [{name: a, url: "http://a", models: {embedder: bge-m3, classifier: auto}}]}
router: {roles: {embedder: {}}}
"""
    assert loads(text).sidecar.backends[0].models == {"embedder": "bge-m3", "classifier": "auto"}


def test_a_host_may_name_any_backend_that_is_configured() -> None:
    text = """\
sidecar: {backends: [{name: a, url: "http://a"}]}
router: {tools: {infra: {hosts: {gpu: {backends: [a]}}}}}
"""
    assert loads(text).router.tools.infra.hosts["gpu"].backends == ("a",)


def test_without_backends_a_host_can_name_none() -> None:
    (said,) = problems("router: {tools: {infra: {hosts: {gpu: {backends: [a]}}}}}")
    assert said.endswith("wanted none, for there are none, or this name under sidecar.backends")
