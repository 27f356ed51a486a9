"""Watches LLM servers: the public door. The router imports from here and from nowhere else inside.

Knows nothing of chats. May run alone beside one backend (`maek sidecar`).
"""

from sidecar.breaker import FAILURES, UNTROUBLED, Circuit
from sidecar.catalog import METRICS, Metric
from sidecar.catalog import Type as MetricType
from sidecar.config import SidecarConfig
from sidecar.discovery import discover
from sidecar.engines import ENGINES, orca
from sidecar.engines.detect import USUAL_PORTS
from sidecar.engines.engine import Model, ModelKind, StructuredOutput, Unreadable
from sidecar.engines.promtext import Families, families_of
from sidecar.errors import ConfigInvalid, Problem, SecretUnusable, TraceInvalid
from sidecar.examination import Examination, examine
from sidecar.facts import (
    BackendAdded,
    BackendRemoved,
    BackendSpec,
    DrainSwitched,
    Fact,
    FirstTokenCame,
    HealthProbed,
    LoadRead,
    Outcome,
    ProbeOutcome,
    QueueChanged,
    RequestFinished,
    RequestStarted,
)
from sidecar.families import Labels, Own, Plain, Spread, Spreads
from sidecar.health import WELL, Verdict
from sidecar.lengths import Lengths
from sidecar.level_rule import LEVEL_EXPRESSION, LEVEL_RECORD
from sidecar.levels import Level, Signal
from sidecar.load import Load, LoadRules, classify
from sidecar.monitor import Monitor
from sidecar.outlook import Outlook, Steady, outlook_on, steady_on
from sidecar.prefixes import BLOCK_TOKENS
from sidecar.probe import Prober, probing_session
from sidecar.progress import Progress, Pulse
from sidecar.recorder import Recorder
from sidecar.recording import Note, note_in
from sidecar.redaction import redacted
from sidecar.replay import Rules, answers
from sidecar.residency import cold_seconds, is_resident
from sidecar.ring import segments_of
from sidecar.scraping import Scrapes, scrape
from sidecar.settings import load_rules, pace, wants_probe
from sidecar.slices import Slices
from sidecar.slots import told_slots
from sidecar.standing import Standing
from sidecar.state import BackendState, Snapshot
from sidecar.store import Store
from sidecar.tape import Lost, RingTape
from sidecar.views import backends_json, each_backend_json

__all__ = [
    "BLOCK_TOKENS",
    "ENGINES",
    "FAILURES",
    "LEVEL_EXPRESSION",
    "LEVEL_RECORD",
    "METRICS",
    "UNTROUBLED",
    "USUAL_PORTS",
    "WELL",
    "BackendAdded",
    "BackendRemoved",
    "BackendSpec",
    "BackendState",
    "Circuit",
    "ConfigInvalid",
    "DrainSwitched",
    "Examination",
    "Fact",
    "Families",
    "FirstTokenCame",
    "HealthProbed",
    "Labels",
    "Lengths",
    "Level",
    "Load",
    "LoadRead",
    "LoadRules",
    "Lost",
    "Metric",
    "MetricType",
    "Model",
    "ModelKind",
    "Monitor",
    "Note",
    "Outcome",
    "Outlook",
    "Own",
    "Plain",
    "ProbeOutcome",
    "Prober",
    "Problem",
    "Progress",
    "Pulse",
    "QueueChanged",
    "Recorder",
    "RequestFinished",
    "RequestStarted",
    "RingTape",
    "Rules",
    "Scrapes",
    "SecretUnusable",
    "SidecarConfig",
    "Signal",
    "Slices",
    "Snapshot",
    "Spread",
    "Spreads",
    "Standing",
    "Steady",
    "Store",
    "StructuredOutput",
    "TraceInvalid",
    "Unreadable",
    "Verdict",
    "answers",
    "backends_json",
    "classify",
    "cold_seconds",
    "discover",
    "each_backend_json",
    "examine",
    "families_of",
    "is_resident",
    "load_rules",
    "note_in",
    "orca",
    "outlook_on",
    "pace",
    "probing_session",
    "redacted",
    "scrape",
    "segments_of",
    "steady_on",
    "told_slots",
    "wants_probe",
]
