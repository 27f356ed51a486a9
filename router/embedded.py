"""The embedded model as this house has it: the one that is shipped, with what the operator let it learn.

Rules of this file
- Glue only: the model stands in `router.decide.intent`, learning in `router.learning`.
- What was learned can be missing or broken without any harm: then the shipped model decides, and the log says so.
"""

import logging
from dataclasses import dataclass

from router.config import Config
from router.decide.decision import Decision
from router.decide.intent.deciding import decide_by_model
from router.decide.intent.model import IntentModel, packaged_model
from router.decide.request import Request
from router.learning.keeping import Keeping, with_learned
from router.trust import Trust

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embedded:
    """The model as a stage of deciding."""

    model: IntentModel

    @property
    def version(self) -> str:
        """Of the model with what it learned."""
        return self.model.version

    def decide(self, request: Request, /) -> Decision | None:
        """The decision, or None where it is not sure."""
        return decide_by_model(request, self.model)


def embedded_model(config: Config) -> Embedded | None:
    """The model to decide with; None where the configuration wants none."""
    if config.router.decide.model is Trust.OFF:
        return None
    try:
        learned = Keeping(config.router.data_folder()).learned()
    except OSError as error:
        log.error("what was learned cannot be read file=%s reason=%s", error.filename, error.strerror)
        learned = None
    return Embedded(with_learned(packaged_model(), learned))
