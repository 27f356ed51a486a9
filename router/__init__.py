"""Answers chats: decides every message, and sends it to the least-loaded healthy backend."""
