"""Writes a tiny chat model with random weights, for starting real servers in tests without any download.

    PYTHON_OF_THE_ENGINE tests/real/tiny_model.py FOLDER

It runs in the environment of the engine, so it needs numpy, safetensors and tokenizers and nothing of this project.
The folder holds what is expected of a model there: weights, configuration, tokenizer and a chat template (Qwen2
architecture, 0.4 M weights, 2 MB). It answers any prompt with nonsense in ASCII and practically never ends of itself:
`max_tokens` bounds its answers, so a stream lasts as long as a test wants it to.
"""

import json
import sys
from pathlib import Path

import numpy as np  # type: ignore[import-not-found]
from safetensors.numpy import save_file  # type: ignore[import-not-found]
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # type: ignore[import-not-found]

SEED = 20
LAYERS = 2
HEADS = 2
HEAD_SIZE = 64  # the only size that every CPU attention kernel has
WIDTH = HEADS * HEAD_SIZE
INNER_WIDTH = 256
VOCABULARY = 512
CONTEXT_TOKENS = 32768

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
ENDS_TURN = SPECIAL.index("<|im_end|>")

SHARPNESS = 8.0
"""Makes the likeliest token clearly likelier than the next, so that greedy answers are the same on every engine."""

SPACE = "\u0120"
"""How a byte-level tokenizer writes a space."""

CHAT_TEMPLATE = (
    "{%- for m in messages %}{{- '<|im_start|>' + m['role'] + '\\n' + (m['content'] if m['content'] is string"
    " else (m['content'] | tojson)) + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


def tokenizer() -> Tokenizer:
    """Every byte, and some syllables learnt from this file."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator([Path(__file__).read_text(encoding="utf-8")], trainer)
    return made


def is_word(token: str) -> bool:
    return token.isascii() and token.isalpha()


def weights(spoken: list[int]) -> dict[str, np.ndarray]:
    """Random weights; only the tokens of `spoken` are ever likely."""
    rng = np.random.default_rng(SEED)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (rng.standard_normal((rows, columns)) * 0.02).astype(np.float32)

    head = np.zeros((VOCABULARY, WIDTH), np.float32)
    head[spoken] = matrix(len(spoken), WIDTH) * SHARPNESS
    ones = np.ones(WIDTH, np.float32)
    found = {
        "model.embed_tokens.weight": matrix(VOCABULARY, WIDTH),
        "model.norm.weight": ones,
        "lm_head.weight": head,
    }
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        for name, width in (("q", WIDTH), ("k", HEAD_SIZE), ("v", HEAD_SIZE)):
            found[f"{at}self_attn.{name}_proj.weight"] = matrix(width, WIDTH)
            found[f"{at}self_attn.{name}_proj.bias"] = np.zeros(width, np.float32)
        found[f"{at}self_attn.o_proj.weight"] = matrix(WIDTH, WIDTH)
        found[f"{at}mlp.gate_proj.weight"] = matrix(INNER_WIDTH, WIDTH)
        found[f"{at}mlp.up_proj.weight"] = matrix(INNER_WIDTH, WIDTH)
        found[f"{at}mlp.down_proj.weight"] = matrix(WIDTH, INNER_WIDTH)
        found[f"{at}input_layernorm.weight"] = ones
        found[f"{at}post_attention_layernorm.weight"] = ones
    return found


def configuration() -> dict[str, object]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "torch_dtype": "float32",
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": INNER_WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 1,
        "head_dim": HEAD_SIZE,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "max_position_embeddings": CONTEXT_TOKENS,
        "tie_word_embeddings": False,
        "eos_token_id": ENDS_TURN,
        "pad_token_id": 0,
    }


def tokenizer_configuration() -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": SPECIAL[ENDS_TURN],
        "pad_token": SPECIAL[0],
        "model_max_length": CONTEXT_TOKENS,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }


def write(folder: Path) -> None:
    """The whole model, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = tokenizer()
    if made.get_vocab_size() > VOCABULARY:
        raise SystemExit(f"the tokenizer has {made.get_vocab_size()} tokens, more than the {VOCABULARY} of the weights")
    names = {number: token for token, number in made.get_vocab().items()}
    spoken = [n for n in range(len(SPECIAL), len(names)) if is_word(names[n].lstrip(SPACE))]
    made.save(str(folder / "tokenizer.json"))
    save_file(weights(spoken), str(folder / "model.safetensors"), metadata={"format": "pt"})
    for name, content in (
        ("config.json", configuration()),
        ("generation_config.json", {"eos_token_id": ENDS_TURN, "pad_token_id": 0}),
        ("tokenizer_config.json", tokenizer_configuration()),
    ):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    write(Path(sys.argv[1]))
