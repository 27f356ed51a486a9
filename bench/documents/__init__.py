"""How often the document archive finds what a question is about."""
