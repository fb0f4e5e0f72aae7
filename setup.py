"""What pyproject.toml has no stable way to say: the parts in C, each left out where there is no compiler."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension("smsgw._msgpack", ["smsgw/_msgpack.c"], optional=True),
        Extension("smsgw.policy._scan", ["smsgw/policy/_scan.c"], optional=True),
        Extension("smsgw.smpp._wire", ["smsgw/smpp/_wire.c"], optional=True),
    ]
)
