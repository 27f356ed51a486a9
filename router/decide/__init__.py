"""Message → decision: keyword rules, then the classifier LLM, then the safe default."""
