"""A look at everything that Maek needs, for somebody before a terminal: what is well, what is not, and what to do."""
