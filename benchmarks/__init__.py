"""What things cost, measured by hand: not part of the tests."""
