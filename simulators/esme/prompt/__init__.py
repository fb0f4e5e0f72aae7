"""The simulated application at a prompt, or by the same commands from a pipe.

``session`` knows the commands and what they do, ``terminal`` the person at a terminal, ``script`` lines from a
pipe. Receipts and MO are told as they come.
"""

from simulators.esme.prompt.command import prompt

__all__ = ["prompt"]
