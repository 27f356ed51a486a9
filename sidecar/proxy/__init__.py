"""A transparent proxy before one backend: bytes in, bytes out, and every request of work counted while it lasts.

Rules of this folder
- What is passed on is not understood, and not changed: any path, any dialect, any encoding. Only heads are read, for
  where a message ends and what belongs to one connection alone.
- Nothing waits for a chunk that is only passed on: bytes go from one connection to the other as they come, and no
  faster than the other side reads.
- An answer that broke off is broken for the client too, whatever the connection says.
"""
