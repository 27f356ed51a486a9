"""How others choose a backend, each rule as its source tells it."""
