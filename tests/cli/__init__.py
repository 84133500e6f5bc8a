"""The commands as people and plugins call them: what they print where, and how they exit."""
