"""mlx_lm.server: lists models and says that it lives; nothing about its load.

Traps
- `/v1/models` lists what lies in the model cache, then the model that the server was started with if that is a path.
  Naming one of the others in a request makes the server load it in place of the one it has.
- Without a cache folder `/v1/models` is 200 with an empty body. The server was then started with a path, and answers
  to `default_model`.
- `/health` stays good while generation is wedged; only a missing token shows that.

Source: https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/SERVER.md
"""

from sidecar.engines import openai
from sidecar.engines.engine import Answers, Ask, Engine, Model, StructuredOutput, Unreadable

HEALTH = Ask("/health")

STARTED_WITH = Model("default_model", loaded=True)
"""The name under which the server always runs the model that it was started with."""

ASSUMED_SLOTS = 32
"""`--decode-concurrency`; it is not told over HTTP."""


def read_models(answers: Answers) -> tuple[Model, ...]:
    """The models listed, the one that the server was started with first where the list shows which it is."""
    answer = answers[0]
    if answer is None:
        raise Unreadable("no answer to /v1/models")
    if answer.status == 200 and not answer.body.strip():
        return (STARTED_WITH,)
    found = [openai.model_of(entry) for entry in openai.listing(answer)]
    return tuple(sorted(found, key=lambda model: not model.name.startswith("/")))


ENGINE = Engine(
    name="mlx",
    title="MLX LM",
    liveness=HEALTH,
    read_liveness=openai.read_json_health,
    models=(openai.MODELS,),
    read_models=read_models,
    structured_output=StructuredOutput.NONE,
    assumed_slots=ASSUMED_SLOTS,
)
