"""How good decisions are: what was decided held against what was expected."""
