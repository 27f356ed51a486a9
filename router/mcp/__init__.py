"""Servers of others whose tools Maek offers beside its own: the client's side of the Model Context Protocol."""
