"""What `maek top` counts as a backend's failure is what opens its breaker."""

from router.terminal.fleet import failures


def test_a_failure_is_whatever_speaks_against_a_backend() -> None:
    assert failures({"finished": {"ok": 1, "silent": 2, "refused": 3, "client_gone": 4, "rejected": 5}}) == 5
