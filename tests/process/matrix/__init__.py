"""The fault matrix: one fault a cell, over the real process, with its outcome, its alert and its recovery."""
