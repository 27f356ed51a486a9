"""What an operator sets for tools that a model calls itself."""

from typing import Annotated

from pydantic import Field

from sidecar.config import Count, Seconds, Section


class AgentConfig(Section):
    """How far the reasoner may go with tools that it calls itself."""

    rounds: Annotated[int, Field(ge=0, le=50)] = 4
    """Rounds of calls before it has to answer; 0: it is offered no tools."""
    calls: Annotated[int, Field(ge=1, le=32)] = 8
    """Calls in one round, made at the same time; more are refused."""
    timeout_seconds: Seconds = 90.0
    """Seconds from the beginning of an answer after which no more tools are called."""
    result_tokens: Count = 6000
    """Of what tools found, in tokens (estimated), that the model reads in one turn; the rest is cut."""
