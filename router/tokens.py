"""How many tokens a text is, roughly, without a tokenizer.

Rules of this file
- Pure. The estimate serves to bound prompts, so it errs upwards: a prompt a little shorter than it could be costs
  nothing, one that does not fit costs the answer.

Where the weights come from: byte-pair vocabularies of 100,000 to 260,000 entries (the Llama 3, Qwen, Gemma and gpt-oss
families) spend about one token on four ASCII characters of prose but one on three of code and JSON, between 0.5 and 1
on a Hangul syllable, a Chinese character or a kana, and up to three on a character outside the vocabulary, which falls
back to its UTF-8 bytes.
"""

SIXTHS_PER_TOKEN = 6
"""Weights are whole sixths of a token, so that sums are exact."""
SIXTHS_PER_ASCII = 2
SIXTHS_PER_CJK = 6
SIXTHS_PER_OTHER = 9
"""Accented letters share tokens, emoji take three: in between."""
TOKENS_PER_ASCII = SIXTHS_PER_ASCII / SIXTHS_PER_TOKEN
"""The fewest that a character can cost."""
MESSAGE_OVERHEAD_TOKENS = 4
"""Role markers and line ends that chat templates put around one message."""

_CJK_RANGES = ((0x1100, 0x11FF), (0x3000, 0x30FF), (0x3130, 0x318F), (0x3400, 0x9FFF), (0xAC00, 0xD7A3))


def estimate_tokens(text: str) -> int:
    """Tokens of `text`, rounded up; 0 for the empty text. Never falls when text is appended."""
    return -(-sum(_sixths(ord(character)) for character in text) // SIXTHS_PER_TOKEN)


def estimate_message_tokens(text: str) -> int:
    """Tokens of `text` as one message of a chat, with what the template adds around it."""
    return MESSAGE_OVERHEAD_TOKENS + estimate_tokens(text)


def _sixths(code: int) -> int:
    if code < 0x80:
        return SIXTHS_PER_ASCII
    if any(low <= code <= high for low, high in _CJK_RANGES):
        return SIXTHS_PER_CJK
    return SIXTHS_PER_OTHER
