"""Fixtures of tests that run the whole gateway."""

from tests.e2e.gateway import start_gateway as start_gateway
