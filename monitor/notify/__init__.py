"""Channels and the texts of their messages: apprise, and Jinja2 for templates."""
