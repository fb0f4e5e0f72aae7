"""What pyproject.toml has no stable way to say: the loops of the rules in C, left out where there is no compiler."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("smsgw.policy._scan", ["smsgw/policy/_scan.c"], optional=True)])
