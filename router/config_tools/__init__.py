"""What an operator sets for the tools: one file a tool, and `section`, where they come together."""
