"""How busy a backend is said to be, against the truth, in virtual time."""
