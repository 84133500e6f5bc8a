"""What programs are given: the objects of the API and of `--json`, one builder each. Keys are added, never renamed."""
