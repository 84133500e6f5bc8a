"""Alerts, from a recorded poll to a delivered notification, and what people do about them."""
