"""The campaigns: their judges, tried by themselves, and short runs of each."""
