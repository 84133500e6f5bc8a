"""Log lines, and what keeps secrets and characters that nobody can show out of them."""
