"""The commands that steer a running carrier, one line of text each.

``Control.run`` takes a line and returns the reply for JSON, with ``ok`` true or false;
``simulators.carrier.control_lines`` brings lines from stdin, a TCP port or a unix socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.carrier.sim import CarrierSim
from smsgw.errors import LocalError

Reply = dict[str, Any]

_RECEIVED_SHOWN = 100


class UsageError(Exception):
    """A command was written wrongly; its text says how it is written."""


class Control:
    """Runs command lines against one carrier."""

    def __init__(self, sim: CarrierSim, quit_: Callable[[], None]) -> None:
        self._sim = sim
        self._quit = quit_

    def run(self, line: str) -> Reply | None:
        """Run one line; None for an empty one. Never raises: errors are replies."""
        name, _, rest = line.strip().partition(" ")
        if not name:
            return None
        command = COMMANDS.get(name)
        if command is None:
            return {"ok": False, "error": f"unknown command {name!r}; use {', '.join(COMMANDS)}"}
        usage, run = command
        try:
            return {"ok": True, **run(self, rest.split(None, 2))}
        except (UsageError, IndexError, ValueError, LocalError):
            return {"ok": False, "error": f"usage: {usage}"}
        except LookupError as error:
            return {"ok": False, "error": str(error.args[0] if error.args else error)}

    def help(self, words: list[str]) -> Reply:
        """List the commands."""
        return {"commands": [usage for usage, _ in COMMANDS.values()]}

    def mo(self, words: list[str]) -> Reply:
        """Send an MO."""
        source, destination, text = words
        return {"sent": self._sim.send_mo(source, destination, text)}

    def drop(self, words: list[str]) -> Reply:
        """Close connections."""
        return {"dropped": self._sim.drop_all(*words[:1])}

    def half_open(self, words: list[str]) -> Reply:
        """Make connections silent."""
        return {"silent": self._sim.half_open(*words[:1])}

    def refuse(self, words: list[str]) -> Reply:
        """Refuse binds."""
        status = _status(words, default=0x0D)
        self._sim.refuse_binds(status)
        return {"refuse_binds": status}

    def reject(self, words: list[str]) -> Reply:
        """Refuse messages."""
        status = _status(words, default=0x08)
        self._sim.refuse_messages(status)
        return {"refuse_messages": status}

    def pause(self, words: list[str]) -> Reply:
        """Stop reading and sending."""
        self._sim.pause()
        return {"paused": True}

    def resume(self, words: list[str]) -> Reply:
        """Go on."""
        self._sim.resume()
        return {"paused": False}

    def stats(self, words: list[str]) -> Reply:
        """Tell the counts."""
        return self._sim.summary()

    def reset(self, words: list[str]) -> Reply:
        """Tell the counts and start again from 0."""
        summary = self._sim.summary()
        self._sim.stats.reset()
        return summary

    def received(self, words: list[str]) -> Reply:
        """Tell what was received last; a filter is looked for in addresses, text, id and system_id."""
        needle = " ".join(words)
        found = [
            message
            for message in self._sim.received
            if not needle
            or any(needle in field for field in (message.recipient, message.source, message.text, message.system_id))
            or message.message_id == needle.encode()
        ]
        return {"count": len(found), "messages": [message.to_json() for message in found[-_RECEIVED_SHOWN:]]}

    def throttle(self, words: list[str]) -> Reply:
        """Limit segments a second."""
        tps = float(words[0])
        if not tps >= 0:
            raise UsageError
        self._sim.throttle(tps)
        return {"throttle": tps}

    def quit(self, words: list[str]) -> Reply:
        """End the carrier."""
        self._quit()
        return {"quitting": True}


Command = tuple[str, Callable[[Control, list[str]], Reply]]

COMMANDS: dict[str, Command] = {
    "mo": ("mo FROM TO TEXT", Control.mo),
    "drop": ("drop [SYSTEM_ID]", Control.drop),
    "half-open": ("half-open [SYSTEM_ID]", Control.half_open),
    "refuse": ("refuse on|off|STATUS (binds)", Control.refuse),
    "reject": ("reject on|off|STATUS (messages)", Control.reject),
    "throttle": ("throttle SEGMENTS_PER_SECOND (0: no limit)", Control.throttle),
    "pause": ("pause", Control.pause),
    "resume": ("resume", Control.resume),
    "stats": ("stats", Control.stats),
    "reset": ("reset (stats, then from 0)", Control.reset),
    "received": ("received [FILTER]", Control.received),
    "quit": ("quit", Control.quit),
    "help": ("help", Control.help),
}


def _status(words: list[str], default: int) -> int:
    if len(words) != 1:
        raise UsageError
    if words[0] in ("on", "off"):
        return default if words[0] == "on" else 0
    return int(words[0], 0)
