"""How fast and how large the intent model is: `python -m bench.decide.speed` or `make bench-decide-speed`.

CPU time of this process. Machines differ, so that a loop that every Python knows is timed beside it.
"""

import time
from collections.abc import Callable
from importlib.resources import files

from router.decide.intent.artefact import FILE, packaged
from router.decide.intent.model import IntentModel, packaged_model

SENTENCES = (
    "안녕",
    "오늘 일정 알려줘",
    "내일 오후 세시에 치과 예약 일정 추가해줘",
    "지난주에 교수님한테서 온 메일 찾아줄래",
    "안전 교육 관련 메일 왔는지 확인해줘",
    "오늘 너무 힘들었어",
    "거실 에어컨 좀 꺼줄 수 있니",
    "다음 주 화요일 오전 열시부터 열두시까지 팀 회의랑 고객사 방문 일정을 캘린더에 넣어줘",
    "what's on my calendar tomorrow",
    "add lunch with sarah to my calendar on friday at noon please",
    "do i have any new emails from the bank",
    "what is the capital of france",
)
ROUNDS = 300


def main() -> None:
    """Print size, loading, guessing, and the calibrating loop."""
    data = files("router.decide.intent").joinpath(FILE).read_bytes()
    model = packaged_model()
    print(f"artefact {model.version}: {len(data)} bytes, {len(model.places)} pieces, {len(model.labels)} labels")
    print(f"loading: {min(_milliseconds(lambda: IntentModel.of(packaged())) for _ in range(9)):.1f} ms")
    loops = sorted(_milliseconds(lambda: sum(range(100_000))) for _ in range(99))
    print(f"sum(range(100000)): {loops[len(loops) // 2]:.2f} ms; an ordinary machine of 2023 needs about 1.2")
    for sentence in SENTENCES:
        model.guess(sentence)
    times = sorted(1000 * _milliseconds(lambda s=s: model.guess(s)) for _ in range(ROUNDS) for s in SENTENCES)  # type: ignore[misc]
    print(f"guess: p50 {times[len(times) // 2]:.0f} us, p99 {times[len(times) * 99 // 100]:.0f} us")
    longest = max(SENTENCES, key=len)
    times = sorted(1000 * _milliseconds(lambda: model.guess(longest)) for _ in range(ROUNDS))
    print(f"guess of {len(longest)} characters: p50 {times[len(times) // 2]:.0f} us")


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.process_time_ns()
    work()
    return (time.process_time_ns() - begun) / 1e6


if __name__ == "__main__":
    main()
