"""What is said about a session."""
