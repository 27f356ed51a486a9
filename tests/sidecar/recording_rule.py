"""The recording rule for the load level, evaluated over a text exposition as Prometheus would.

Rules of this file
- It reads nothing but exported text: no import from the product, no knowledge of its rules.

    ((maek_backend_up != 1) * 0 + 4)
    or on(backend) max without(signal)(sum without(level)(
      maek_backend_load_signal >= bool on(backend,signal) group_right() maek_backend_load_threshold))
    or on(backend) (maek_backend_up * 0)
"""

from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families


def levels(text: str) -> dict[str, float]:
    """Backend → level, for the backends that the rule gives a sample for."""
    up: dict[str, float] = {}
    signals: dict[tuple[str, str], float] = {}
    thresholds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sample.labels
            match sample.name:
                case "maek_backend_up":
                    up[labels["backend"]] = sample.value
                case "maek_backend_load_signal":
                    signals[labels["backend"], labels["signal"]] = sample.value
                case "maek_backend_load_threshold":
                    thresholds[labels["backend"], labels["signal"]].append(sample.value)
    unavailable = {backend: value * 0 + 4 for backend, value in up.items() if value != 1}
    reached: dict[str, list[float]] = defaultdict(list)
    for (backend, signal), steps in thresholds.items():
        if (backend, signal) in signals:
            reached[backend].append(float(sum(signals[backend, signal] >= step for step in steps)))
    computed = {backend: max(counts) for backend, counts in reached.items()}
    return {backend: value * 0 for backend, value in up.items()} | computed | unavailable
