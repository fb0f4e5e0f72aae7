"""Fixtures of the tests against foreign implementations."""

from tests.e2e.gateway import start_gateway as start_gateway
from tests.interop.world import world as world
