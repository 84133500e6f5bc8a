"""Readings as people ask for them: history, export and import."""
