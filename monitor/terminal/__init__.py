"""What the commands show: tables and colour on a terminal, the same words plain where the output is piped."""
