"""Stored readings: history, export and import."""
