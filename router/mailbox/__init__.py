"""Mail of an IMAP server, read and never changed: what the email tool asks, answered by a real mailbox."""
