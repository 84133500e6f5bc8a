"""Log lines without secrets, and without characters that the terminal cannot show."""
