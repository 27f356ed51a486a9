"""The load level of a backend as Prometheus computes it, from what is exported.

Rules of this file
- Data only: names from the catalog, numbers from `Level`.
- `>=` on the same doubles that decided, and nothing else: no division and no rounding, where Prometheus would differ.
"""

from sidecar import catalog
from sidecar.levels import Level

LEVEL_RECORD = f"backend:{catalog.LOAD.name}:computed"
"""The name of the recording rule."""

LEVEL_EXPRESSION = f"""\
(({catalog.BACKEND_UP.name} != 1) * 0 + {Level.UNAVAILABLE:d})
or on(job, instance, backend) max without(signal) (sum without(level) (
  {catalog.LOAD_SIGNAL.name} >= bool on(job, instance, backend, signal) group_right() {catalog.LOAD_THRESHOLD.name}))
or on(job, instance, backend) ({catalog.BACKEND_UP.name} * 0)"""
"""The number of `maek_backend_load`: of each signal how many thresholds it has reached, and of these the largest. A
backend that takes no requests is unavailable; one that has no threshold within reach is free."""
