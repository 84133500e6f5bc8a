"""The commands and their exit codes; what they do is elsewhere."""
