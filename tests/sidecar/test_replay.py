import itertools

import orjson
import pytest

from sidecar.errors import TraceInvalid
from sidecar.recording import Note
from sidecar.replay import Rules, answers

KEYS = [
    "t",
    "backend",
    "load",
    "source",
    "active_jobs",
    "health_ms",
    "health_baseline_ms",
    "inference_ms",
    "wants_probe",
]


def replayed(text: str, rules: Rules = Rules.SEED) -> list[dict[str, object]]:
    return list(answers([line.encode() for line in text.splitlines()], rules))


def refused(text: str) -> str:
    with pytest.raises(TraceInvalid) as caught:
        replayed(text)
    return str(caught.value)


QUERY = '{"t":%s,"event":"query","backend":"mlx"}'
RECORDING = """\
{"t":0.0,"event":"health","backend":"mlx","ok":true,"latency_ms":12.34}
{"t":1.0,"event":"status","backend":"mlx","active_jobs":2,"total_requests":10}
{"t":2.0,"event":"query","backend":"mlx"}

{"t":3.0,"event":"status","backend":"mlx","active_jobs":null,"total_requests":null}
{"t":4.0,"event":"inference","backend":"mlx","latency_ms":4200.0}
{"t":5.0,"event":"queue","active":2}
{"t":6.0,"event":"query","backend":"mlx"}
{"t":6,"event":"query","backend":"gpu"}
"""


def test_a_recording_in_the_seeds_format_gives_the_seeds_answers() -> None:
    status, hybrid, nobody = replayed(RECORDING)
    assert orjson.dumps(status) == (
        b'{"t":2.0,"backend":"mlx","load":"busy","source":"status_api","active_jobs":2,"health_ms":12.3,'
        b'"health_baseline_ms":12.3,"inference_ms":null,"wants_probe":false}'
    )
    assert orjson.dumps(hybrid) == (
        b'{"t":6.0,"backend":"mlx","load":"busy","source":"hybrid","active_jobs":null,"health_ms":12.3,'
        b'"health_baseline_ms":12.3,"inference_ms":4200.0,"wants_probe":false}'
    )
    assert orjson.dumps(nobody) == (
        b'{"t":6,"backend":"gpu","load":"normal","source":"hybrid","active_jobs":null,"health_ms":0.0,'
        b'"health_baseline_ms":50.0,"inference_ms":null,"wants_probe":false}'
    )


@pytest.mark.parametrize("rules", Rules)
def test_an_answer_has_these_keys_in_this_order(rules: Rules) -> None:
    assert all(list(answer) == KEYS for answer in replayed(RECORDING, rules))


@pytest.mark.parametrize("t", ["0", "0.0", "7", "7.0", "12.345", "123456789012"])
def test_the_moment_of_a_question_is_repeated_as_it_was_written(t: str) -> None:
    [answer] = replayed(QUERY % t)
    assert orjson.dumps(answer).startswith(f'{{"t":{t},'.encode())


def test_a_whole_number_of_milliseconds_is_the_same_as_one_with_a_point() -> None:
    point = '{"t":0,"event":"health","backend":"mlx","ok":true,"latency_ms":12.0}\n' + QUERY % 1
    assert replayed(point) == replayed(point.replace("12.0", "12"))


def test_the_queue_belongs_to_all_backends_and_the_rest_to_one() -> None:
    loads = {answer["backend"]: answer["load"] for answer in replayed(RECORDING)[1:]}
    assert loads == {"mlx": "busy", "gpu": "normal"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[]", "wanted a JSON object, one a line"),
        ("null", "wanted a JSON object, one a line"),
        ('{"t":1}', "event: found None; wanted one of health, status, inference, queue, query, rules"),
        ('{"t":1,"event":"nap"}', "event: found 'nap'; wanted one of health"),
        ('{"t":1,"event":["health"]}', "event: found ['health']; wanted one of health"),
        ('{"event":"query","backend":"mlx"}', "t: found None; wanted seconds"),
        ('{"t":"1","event":"query","backend":"mlx"}', "t: found '1'; wanted seconds"),
        ('{"t":true,"event":"query","backend":"mlx"}', "t: found True; wanted seconds"),
        ('{"t":1,"event":"query"}', "backend: Field required"),
        ('{"t":1,"event":"query","backend":7}', "backend: Input should be a valid string, found 7"),
        ('{"t":1,"event":"queue","active":"2"}', "active: Input should be a valid integer, found '2'"),
        ('{"t":1,"event":"queue","active":1.5}', "active: "),
        ('{"t":1,"event":"status","backend":"mlx","active_jobs":1}', "total_requests: Field required"),
        ('{"t":1,"event":"inference","backend":"mlx","latency_ms":null}', "latency_ms: "),
        ('{"t":1,"event":"health","backend":"mlx","ok":1,"latency_ms":1}', "ok: found 1; wanted true or false"),
        ('{"t":1,"event":"health","backend":"mlx","latency_ms":1}', "ok: found None; wanted true or false"),
        ('{"t":1,"event":"health","backend":"mlx","ok":true}', "latency_ms: Field required"),
        (
            '{"t":1,"event":"health","backend":"mlx","ok":true,"latency_ms":1,"outcome":"refused"}',
            "ok: found True beside",
        ),
        ('{"t":1,"event":"health","backend":"mlx","ok":false,"latency_ms":1,"outcome":"sad"}', "outcome: "),
        (
            '{"t":0,"event":"query","backend":"mlx"}',
            "t: 0 is before the line above, 0.5; lines stand in the order of time",
        ),
    ],
)
def test_a_line_that_is_not_one_is_refused_by_its_number(line: str, message: str) -> None:
    before = '{"t":0,"event":"queue","active":0}\n\n{"t":0.5,"event":"queue","active":0}\n'
    assert refused(before + line).startswith(f"line 4: {message}")


def test_the_answers_before_a_broken_line_are_given() -> None:
    lines = (line.encode() for line in [QUERY % 1, "{"])
    given = answers(lines, Rules.SEED)
    assert next(given)["t"] == 1
    with pytest.raises(TraceInvalid):
        next(given)


def test_keys_that_are_not_known_are_passed_over() -> None:
    assert replayed('{"t":1,"event":"query","backend":"mlx","host":{"cpu":0.5}}')


def test_by_the_default_rules_nothing_is_said_of_what_is_not_known() -> None:
    [answer] = replayed(QUERY % 1, Rules.DEFAULT)
    assert answer == dict.fromkeys(KEYS) | {"t": 1, "backend": "mlx", "source": "hybrid", "wants_probe": False}


def test_by_the_default_rules_a_stale_status_is_no_source() -> None:
    [busy, raised, _] = replayed(RECORDING, Rules.DEFAULT)
    assert (busy["load"], busy["source"], busy["active_jobs"]) == ("busy", "status_api", 2)
    assert (raised["load"], raised["source"], raised["inference_ms"]) == ("busy", "hybrid", 4200.0)
    status = '{"t":0,"event":"status","backend":"mlx","active_jobs":2,"total_requests":10}\n'
    sources = [replayed(status + QUERY % t, Rules.DEFAULT)[0]["source"] for t in (6.0, 6.1)]
    assert sources == ["status_api", "hybrid"]


def test_the_rules_in_force_are_those_of_the_recording() -> None:
    strict = '{"t":0,"event":"rules","failures_to_down":1,"rules":{"inference_seconds":[null,null,1.0]}}\n'
    assert replayed(strict + RECORDING, Rules.DEFAULT)[1]["load"] == "very_busy"
    failed = '{"t":0,"event":"health","backend":"mlx","ok":false,"latency_ms":1}\n'
    assert replayed(strict + failed + QUERY % 1, Rules.DEFAULT)[0]["load"] == "unavailable"
    assert replayed(failed + QUERY % 1, Rules.DEFAULT)[0]["load"] is None


def test_a_backend_that_was_removed_stays_away_until_it_is_added_again() -> None:
    gone = '{"t":0,"event":"backend_added","backend":"mlx"}\n{"t":1,"event":"backend_removed","backend":"mlx"}\n'
    late = '{"t":2,"event":"health","backend":"mlx","ok":true,"latency_ms":1}\n'
    assert replayed(gone + late + QUERY % 3, Rules.DEFAULT)[0]["load"] is None
    back = '{"t":3,"event":"backend_added","backend":"mlx"}\n'
    assert replayed(gone + late + back + QUERY % 4, Rules.DEFAULT)[0]["load"] is None
    assert replayed(gone + back.replace("3", "2") + late + QUERY % 4, Rules.DEFAULT)[0]["load"] == "free"


def test_many_lines_do_not_slow_it_down() -> None:
    lines = (f'{{"t":{t},"event":"query","backend":"b{t % 5}"}}'.encode() for t in itertools.count())
    assert sum(1 for _ in itertools.islice(answers(lines, Rules.SEED), 20_000)) == 20_000


def test_what_others_noted_changes_no_answer_and_is_handed_on() -> None:
    asked = [b'{"t":1.0,"event":"query","backend":"mini"}', b'{"t":3.0,"event":"query","backend":"mini"}']
    noted = [asked[0], b'{"t":2.0,"event":"choice","decision":"d1"}', asked[1]]
    heard: list[Note] = []
    for rules in Rules:
        assert list(answers(noted, rules)) == list(answers(asked, rules)) == list(answers(noted, rules, heard.append))
    assert heard == [Note(2.0, "choice", {"decision": "d1"})] * len(Rules)


def test_a_note_that_is_refused_is_refused_with_its_line() -> None:
    def refuse(_note: Note) -> None:
        raise TraceInvalid("form: found 0")

    with pytest.raises(TraceInvalid, match="line 2: form: found 0"):
        list(answers([b"", b'{"t":2.0,"event":"choice"}'], Rules.DEFAULT, refuse))
