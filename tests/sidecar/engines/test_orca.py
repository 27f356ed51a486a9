from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engines import Reading
from sidecar.engines.orca import LONGEST_HEADER, Format, format_of, read, written
from tests.strategies import readings


@pytest.mark.parametrize(
    ("header", "reading"),
    [
        ('JSON {"named_metrics": {"kv_cache_usage_perc": 0.25, "num_requests_waiting": 2.0}}', Reading(None, 2, 0.25)),
        ("TEXT named_metrics.kv_cache_usage_perc=0.25, named_metrics.num_requests_waiting=2.0", Reading(None, 2, 0.25)),
        ('json {"cpu_utilization": 0.5, "named_metrics": {"kv_cache_utilization": 1}}', Reading(kv_usage_ratio=1.0)),
        ("text cpu_utilization=0.3, named_metrics.num_requests_running=3,named_metrics.custom=9", Reading(running=3)),
        ("TEXT named_metrics.num_requests_running=0,named_metrics.num_slots=4", Reading(running=0, slots=4)),
    ],
)
def test_servers_tell_their_load_beside_an_answer(header: str, reading: Reading) -> None:
    assert read(header) == reading


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "JSON",
        "JSON {",
        "JSON []",
        'JSON {"named_metrics": []}',
        'JSON {"named_metrics": {}}',
        'JSON {"named_metrics": {"num_requests_waiting": true}}',
        'JSON {"named_metrics": {"num_requests_waiting": "2"}}',
        'JSON {"named_metrics": {"num_requests_waiting": -1}}',
        'JSON {"named_metrics": {"num_requests_running": 3, "kv_cache_usage_perc": 25}}',
        "TEXT cpu_utilization=0.3",
        "TEXT named_metrics.num_requests_waiting=many",
        "TEXT named_metrics.num_requests_waiting=nan",
        "TEXT named_metrics.num_requests_waiting=inf",
        "TEXT named_metrics.num_requests_waiting",
        "BIN CQAAAAAAAPA/",
        '{"named_metrics": {"num_requests_waiting": 2}}',
        "TEXT named_metrics.num_requests_running=3," + "x" * LONGEST_HEADER,
    ],
)
def test_a_header_that_makes_no_sense_says_nothing(header: str | None) -> None:
    assert read(header) is None


@given(readings, st.sampled_from(Format))
def test_what_was_written_is_read_again(reading: Reading, layout: Format) -> None:
    known = replace(reading, slots=reading.slots or None)
    header = written(reading, layout)
    assert (header is None) == (known == Reading())
    assert read(header) == (None if header is None else known)
    assert header is None or (header.isascii() and header.isprintable())


@given(st.text(), st.sampled_from(["", "JSON ", "TEXT ", "TEXT named_metrics.num_requests_running="]))
def test_no_header_is_an_exception(text: str, before: str) -> None:
    found = read(before + text)
    assert found is None or found != Reading()


def test_a_report_looks_as_others_write_it() -> None:
    reading = Reading(running=1, waiting=0, kv_usage_ratio=0.5)
    assert written(reading, Format.JSON) == (
        'JSON {"named_metrics":{"num_requests_running":1,"num_requests_waiting":0,"kv_cache_usage_perc":0.5}}'
    )
    assert written(reading, Format.TEXT) == (
        "TEXT named_metrics.num_requests_running=1,named_metrics.num_requests_waiting=0"
        ",named_metrics.kv_cache_usage_perc=0.5"
    )


@pytest.mark.parametrize(
    ("asked", "layout"),
    [("JSON", Format.JSON), (" text", Format.TEXT), ("BIN", None), ("", None), (None, None)],
)
def test_a_caller_says_which_format_it_reads(asked: str | None, layout: Format | None) -> None:
    assert format_of(asked) is layout
