"""Tests of rules: files of readings and expected events, run through the real evaluation."""
