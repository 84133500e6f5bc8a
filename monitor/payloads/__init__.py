"""The JSON objects of the API and of `--json`, with one builder each. Keys are added, never renamed."""
