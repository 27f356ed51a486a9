"""One file a command of `maek`: `add_arguments(parser)` and `run(args) -> exit code`."""
