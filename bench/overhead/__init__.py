"""What Maek costs between a client and a backend, beside other proxies and beside nothing at all."""
