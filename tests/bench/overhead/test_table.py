"""The table says what was measured, and where Maek is behind before where it is ahead."""

from dataclasses import replace

from bench.overhead.measure import Sample
from bench.overhead.table import middle, notes, table

SAMPLE = Sample(
    answers=100,
    failures=0,
    why=None,
    per_second=1000.0,
    p50_us=200.0,
    p99_us=900.0,
    cpu_us=50.0,
    resident_peak_bytes=None,
    foreign_ratio=0.01,
)
DIRECT = replace(SAMPLE, p50_us=30.0, p99_us=100.0, cpu_us=None)


def cpu(microseconds: float) -> Sample:
    return replace(SAMPLE, cpu_us=microseconds)


def test_a_number_is_the_median_of_the_rounds_that_have_it():
    samples = [cpu(10.0), cpu(90.0), cpu(20.0), replace(SAMPLE, cpu_us=None)]
    assert middle(samples, lambda sample: sample.cpu_us) == 20.0
    assert middle([], lambda sample: sample.cpu_us) is None


def test_delays_are_shown_with_what_they_add_to_the_direct_way():
    text = table({("json-1", "direct"): [DIRECT], ("json-1", "nginx"): [SAMPLE]}, {})
    row = next(line for line in text.splitlines() if line.startswith("nginx"))
    assert row.split() == ["nginx", "50.0", "1.00", "-", "-", "1,000", "200", "170", "900", "800", "0", "1%"]


def test_where_maek_costs_more_is_said_first_and_in_numbers():
    text = table(
        {("json-1", "maek"): [cpu(150.0)], ("json-1", "aiohttp"): [cpu(100.0)], ("json-1", "nginx"): [cpu(300.0)]}, {}
    )
    behind, _, ahead = text.partition("Where it does not:")
    assert "- json-1: maek 150.0 us of CPU a request, aiohttp 100.0: 1.50 times as much" in behind
    assert "+ json-1: maek 150.0 us of CPU a request, nginx 300.0: 0.50 times as much" in ahead


def test_the_sidecar_is_compared_with_maek_as_well():
    text = table({("paced", "maek"): [cpu(200.0)], ("paced", "maek-sidecar"): [cpu(100.0)]}, {})
    assert "+ paced: maek-sidecar 100.0 us of CPU a chunk, maek 200.0: 0.50 times as much" in text
    assert next(line for line in text.splitlines() if line.startswith("maek-sidecar")).split()[4] == "0.50"


def test_a_difference_within_the_noise_is_called_none():
    text = table({("json-1", "maek"): [cpu(104.0)], ("json-1", "aiohttp"): [cpu(100.0)]}, {})
    assert "= json-1: maek 104.0 us of CPU a request, aiohttp 100.0: no difference" in text


def test_memory_of_a_stream_is_what_came_on_top_of_idle():
    slow = replace(SAMPLE, resident_peak_bytes=50 * 1024 * 1024)
    text = table({("slow", "maek"): [slow]}, {"maek": 40 * 1024 * 1024})
    row = next(line for line in text.splitlines() if line.startswith("maek") and "50.0" in line and "40.0" in line)
    assert row.split() == ["maek", "40.0", "50.0", "10.2"]


def test_failures_and_noise_are_pointed_out():
    failed, noisy = replace(SAMPLE, failures=1, why="status 503"), replace(SAMPLE, foreign_ratio=0.4)
    assert notes({("ttft", "maek"): [SAMPLE]}) == []
    assert notes({("ttft", "maek"): [failed]}) == ["Rows with failures do not compare: maek in ttft (status 503)."]
    assert "in ttft: trust the CPU figures" in notes({("ttft", "maek"): [noisy]})[0]
