"""What to say about a session, as plain data: rows, report, field tree, hex lines, JSON objects. No colour, no input or output."""
