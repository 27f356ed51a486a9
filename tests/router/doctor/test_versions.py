import pytest

from router.doctor.finding import Grade
from router.doctor.versions import SINCE, too_old
from sidecar.engines import ENGINES


@pytest.mark.parametrize(
    ("engine", "version"),
    [("ollama", "0.4.7"), ("ollama", "v0.1"), ("vllm", "0.5.4.post1"), ("lmstudio", "0.3.14+build3")],
)
def test_a_server_that_is_too_old_is_named_with_what_it_lacks_and_the_version_that_has_it(
    engine: str, version: str
) -> None:
    line = too_old("mini", engine, version)
    assert line is not None
    assert (line.grade, line.subject) == (Grade.WARNING, "mini")
    assert line.found.en.startswith(f"version {version}: it ")
    assert line.advice is not None
    assert line.advice.en == f"Update it to {'.'.join(map(str, SINCE[engine].version))} or newer."


@pytest.mark.parametrize(
    ("engine", "version"),
    [
        ("ollama", "0.5.0"),
        ("ollama", "1.0"),
        ("vllm", "0.10.0"),
        ("ollama", "main"),
        ("ollama", None),
        ("tgi", "0.0.1"),
    ],
)
def test_nothing_is_said_of_one_that_is_new_enough_or_of_which_nobody_can_tell(
    engine: str, version: str | None
) -> None:
    assert too_old("mini", engine, version) is None


def test_every_server_of_the_table_is_one_that_maek_knows() -> None:
    assert SINCE.keys() <= {*ENGINES}
