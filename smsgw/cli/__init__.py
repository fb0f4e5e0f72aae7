"""The commands, one module each; ``main`` puts them together.

A command parses its arguments, calls what does the work, and prints. Errors are one line on
standard error and exit code 1; wrong usage is exit code 2.
"""
