"""Jobs: chats that are stored before they are answered for, and survive whatever happens to the process."""
