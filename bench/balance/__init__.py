"""Choosing a backend: Maek, its peers and the limit, in virtual time."""
