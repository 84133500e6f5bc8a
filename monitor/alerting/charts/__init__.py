"""Charts in messages, drawn by matplotlib in a process of its own, so that the daemon need not load it."""
