"""What was said before in a conversation, and what waits in it for the user's yes."""
