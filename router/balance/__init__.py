"""Role → backend: who could serve a request, and who shall."""
