"""Everybody who is compared: a name, a router, and what it was given.

Rules of this file
- One row a policy, and all that differs between two rows stands in the classes. The order is that of the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bench.balance.agent import Agent, Knowledge
from bench.balance.maek_agent import MaekAgent
from bench.balance.oracle import Clairvoyant, ClairvoyantSelfish, ClairvoyantSlo
from bench.balance.peers.latency import C3, LiteLlmLatency, LiteLlmLeastBusy, PeakEwma, PeakEwmaFirstToken, PeakEwmaScan
from bench.balance.peers.plr import PlrReference
from bench.balance.peers.prequal import Prequal, PrequalRs
from bench.balance.peers.scorers import LlmD, LlmDTokens, SmgLeastLoad, VllmDataParallel
from bench.balance.peers.seed import SeedHybrid, SeedStatus, SeedStatusFast
from bench.balance.peers.simple import (
    Chance,
    LeastRequest,
    MisweightedLeast,
    OllaLeastConnections,
    RoundRobin,
    TwoChoices,
    WeightedChance,
    WeightedLeast,
)
from bench.balance.world import Simulation


@dataclass(frozen=True, slots=True)
class Policy:
    """One row of the table."""

    make: Callable[[Simulation], Agent]
    about: str
    knowledge: Knowledge = Knowledge.NOTHING
    ours: bool = False
    usual: bool = True
    """Whether it runs when nobody chose policies. The others differ little from one that does."""

    @property
    def peer(self) -> bool:
        """Whether others made it and somebody could run it."""
        return self.knowledge is not Knowledge.EVERYTHING and not self.ours


_EVERYTHING, _WEIGHTS = Knowledge.EVERYTHING, Knowledge.WEIGHTS
MAEK = "maek"
REFERENCE = "plr_reference"

POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        MAEK: Policy(MaekAgent, "Maek as it is served: predicted cost, a waiting line, a breaker", ours=True),
        REFERENCE: Policy(PlrReference, "predicted latency as a study had it before Maek", ours=True),
        "random": Policy(Chance, "anybody", usual=False),
        "round_robin": Policy(RoundRobin, "one after the other"),
        "least_request": Policy(LeastRequest, "fewest in flight of all (nginx, HAProxy)"),
        "olla": Policy(OllaLeastConnections, "the same with a health check every 5 s (Olla)", usual=False),
        "p2c": Policy(TwoChoices, "fewer in flight of two (Envoy)"),
        "peak_ewma": Policy(PeakEwma, "latency x pending of two, whole answers (Finagle, tower)"),
        "peak_ewma_ttft": Policy(PeakEwmaFirstToken, "the same on the first token (linkerd)"),
        "peak_ewma_scan": Policy(PeakEwmaScan, "the same as peak_ewma over all", usual=False),
        "c3": Policy(C3, "C3's ranking"),
        "prequal": Policy(Prequal, "probes; hot above the 0.84-quantile (Google)"),
        "prequal_rs": Policy(PrequalRs, "the same with the 0.6-quantile (prequal-rs)", usual=False),
        "llmd": Policy(LlmD, "queue and cache scores, polled every 50 ms (llm-d's default)"),
        "llmd_tokens": Policy(LlmDTokens, "fewest prompt tokens due (llm-d's token load)"),
        "vllm_dp": Policy(VllmDataParallel, "4 x waiting + running (vLLM's data parallel)"),
        "litellm_busy": Policy(LiteLlmLeastBusy, "fewest in flight, ties to the first (LiteLLM)", usual=False),
        "litellm_latency": Policy(LiteLlmLatency, "last ten latencies per token (LiteLLM)"),
        "seed": Policy(SeedStatus, "classes by /status every 30 s (Maek's predecessor)"),
        "seed_2s": Policy(SeedStatusFast, "the same every 2 s", usual=False),
        "seed_hybrid": Policy(
            SeedHybrid, "classes by health latency and probes (the same without /status)", usual=False
        ),
        "weighted_random": Policy(WeightedChance, "by chance, true weights", _WEIGHTS, usual=False),
        "weighted_off": Policy(MisweightedLeast, "least connections, weights off by two", _WEIGHTS),
        "weighted": Policy(WeightedLeast, "least connections, true weights", _WEIGHTS),
        "smg": Policy(SmgLeastLoad, "tokens ahead by true throughput (SMG's least_load)", _WEIGHTS),
        "oracle_selfish": Policy(ClairvoyantSelfish, "sees all: its own end", _EVERYTHING, usual=False),
        "oracle_social": Policy(Clairvoyant, "sees all: the sum of ends", _EVERYTHING),
        "oracle_slo": Policy(ClairvoyantSlo, "sees all: the objective first", _EVERYTHING),
    }
)
"""In the order of the table."""

ALONE = "alone"
"""The row that is no policy: every request by itself on the backend that is fastest for it."""
