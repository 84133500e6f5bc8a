"""The composition root: builds everything from a configuration, owns start, stop and reload, reads the clock."""
