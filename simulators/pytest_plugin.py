"""Fixtures for tests of anything that speaks SMPP: a carrier and applications to test it against."""
