"""Tests of rules: a file of readings and of the events that are expected, run through the real evaluation."""
