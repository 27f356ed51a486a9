"""What Maek can do besides chatting: one file a tool, found in a literal map."""
