"""An LLM server that behaves like a real one, without a model: batching, queue, cold start, dialects, faults.

Rules of this package
- It knows nothing of the sidecar and the router: a simulated server must not share their misunderstandings.
- What happens in time (`batch`), what is said (`answers`, `classifier`) and how it is written (`*_dialect`) are pure;
  `driver` brings the time, `respond` the connections.
"""

from simulator.app import create_app, serving
from simulator.batch import Batch, Occupancy, QueueFullError, StepEnd, Work
from simulator.faults import Fault, FaultError, parse_fault, read_faults
from simulator.profiles import PRESETS, Profile
from simulator.settings import Engine, SettingsError, SimSettings

__all__ = [
    "PRESETS",
    "Batch",
    "Engine",
    "Fault",
    "FaultError",
    "Occupancy",
    "Profile",
    "QueueFullError",
    "SettingsError",
    "SimSettings",
    "StepEnd",
    "Work",
    "create_app",
    "parse_fault",
    "read_faults",
    "serving",
]
