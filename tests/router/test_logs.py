import asyncio
import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from router.logs import JsonLines, Log, LogFormat, answering, trace_of

log = logging.getLogger("router.somewhere")
CANARY = "c4n" + "ary"  # a traceback shows lines of code


@pytest.fixture
def written() -> Iterator[tuple[Log, io.StringIO]]:
    """The log of the process, for as long as the test lasts."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    it = Log(stream)
    it.begin("debug")
    yield it, stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


Written = tuple[Log, io.StringIO]


def failing(text: str) -> None:
    raise ValueError(text) from KeyError(text)


def test_text_is_a_line_of_key_and_value_with_the_request_it_belongs_to(written: Written) -> None:
    _, stream = written
    with answering("req-1"):
        log.info("backend=%s is %s", "mini", "up")
    log.info("over")
    first, second = stream.getvalue().splitlines()
    assert first.endswith("INFO router.somewhere backend=mini is up request_id=req-1")
    assert second.endswith("INFO router.somewhere over")


def test_json_is_an_object_a_line_whatever_is_in_it(written: Written) -> None:
    it, stream = written
    it.write_as(LogFormat.JSON)
    with answering("req-2"):
        log.warning("two\nlines \u2028 \x1b[2J 매우 바쁨")
        try:
            failing(CANARY)
        except ValueError:
            log.exception("broken")
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(row["level"], row["request_id"]) for row in rows] == [("warning", "req-2"), ("error", "req-2")]
    assert rows[0]["logger"] == "router.somewhere"
    assert "매우 바쁨" in rows[0]["message"]
    assert rows[0]["time"].endswith("+00:00")
    assert "builtins.ValueError" in rows[1]["trace"]
    assert "c4nary" not in rows[1]["trace"]


def test_half_a_character_is_written_as_something_that_can_be_read() -> None:
    # Made by hand: what is logged is in the report of the test, which has to be UTF-8. Written as standard error does.
    record = logging.LogRecord("router.somewhere", logging.INFO, "f", 1, "half \ud800 of it", (), None)
    line = JsonLines().format(record)
    assert "of it" in json.loads(line.encode("utf-8", "backslashreplace"))["message"]


def test_the_texts_of_exceptions_are_not_written_and_where_they_came_from_is(written: Written) -> None:
    _, stream = written
    try:
        failing(CANARY)
    except ValueError:
        log.exception("unforeseen")
    text = stream.getvalue()
    assert "c4nary" not in text
    assert "builtins.ValueError\nbecause of\nbuiltins.KeyError" in text
    assert "in failing" in text


def test_of_an_error_of_the_system_the_number_is_told() -> None:
    assert trace_of(FileNotFoundError(2, "c4nary", "c4nary")) == "builtins.FileNotFoundError errno=2"


def test_a_circle_of_exceptions_ends() -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    assert trace_of(one).count("because of") == 1


def test_libraries_say_where_they_complain_and_nothing_below_a_warning(written: Written) -> None:
    _, stream = written
    for name in ("imapclient", "httpx2", "aiosqlite"):
        logging.getLogger(name).debug("c4nary")
        logging.getLogger(name).info("c4nary %s", "c4nary")
        logging.getLogger(name).warning("c4nary %s", "c4nary")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert all("a library complains at=test_logs:" in line for line in lines)
    assert "c4nary" not in stream.getvalue()


def test_what_python_warns_of_names_nothing_that_was_read(written: Written) -> None:
    _, stream = written
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("c4nary", stacklevel=1)
    logging.captureWarnings(capture=False)
    assert "WARNING py.warnings a library complains" in stream.getvalue()
    assert "c4nary" not in stream.getvalue()


async def test_a_task_that_failed_unheard_is_told_without_what_it_held(written: Written) -> None:
    _, stream = written

    async def fails() -> None:
        raise ValueError(CANARY)

    loop = asyncio.get_running_loop()
    task = loop.create_task(fails(), name="c4nary")
    await asyncio.wait([task])
    context = {"message": "Task exception was never retrieved", "exception": task.exception(), "task": task}
    loop.default_exception_handler(context)
    text = stream.getvalue()
    assert "ERROR asyncio Task exception was never retrieved at=" in text
    assert "builtins.ValueError" in text
    assert "c4nary" not in text


async def test_tasks_and_threads_of_a_request_carry_its_id(written: Written) -> None:
    _, stream = written

    async def task() -> None:
        log.info("in a task")
        await asyncio.to_thread(log.info, "in a thread")

    with answering("req-3"):
        running = asyncio.create_task(task())
    await running
    assert [line.rpartition(" ")[2] for line in stream.getvalue().splitlines()] == ["request_id=req-3"] * 2
