"""The output of commands: tables and colour on a terminal, the same words without them where it is piped."""
