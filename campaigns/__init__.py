"""Campaigns: long runs against the real program that try to break its promises. See docs/reliability.md."""
