"""What a worker is told when it is started: its name and role, the store, the ports that all share, the clock.

Owns: its form on the pipe, one JSON object a line, and what it changes in the site that the worker reads itself. A
supervisor may be older or newer than its workers (an upgrade restarts only those): what one does not know it passes
over, what one was not told has a default.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from smsgw.config.site import Site
from smsgw.config.workers import Role
from smsgw.errors import RequestError

#: Business time at the anchor in ms, the anchor in ns of the machine's monotonic clock, business s per real s.
Anchor = tuple[int, int, float]
LOCALHOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Errand:
    """One worker's. ``number`` counts from 1 to ``of``; an empty ``store_url`` means the one of its site.

    ``ports`` are those of the listener, plain and TLS, that the supervisor keeps for all of them.
    """

    name: str
    role: Role = "all"
    number: int = 1
    of: int = 1
    store_url: str = ""
    ports: tuple[int, ...] = ()
    clock: Anchor | None = None
    applied: bool = False

    def to_line(self) -> bytes:
        """For the pipe."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Errand:
        """From the pipe. Raises RequestError: whoever starts a worker by hand learns that this is not done."""
        try:
            found = json.loads(line)
            known: dict[str, Any] = {each.name: found[each.name] for each in fields(cls) if each.name in found}
            known["ports"] = tuple(known.get("ports") or ())
            known["clock"] = tuple(known["clock"]) if known.get("clock") else None
            return cls(**known)
        except (ValueError, TypeError) as error:
            raise RequestError(
                "invalid", "a worker is started by `smsgw run --workers N`, which tells it what to do; not by hand"
            ) from error

    def adjusted(self, site: Site) -> Site:
        """The site as this worker runs it: under its own name, with what it shares; its ops port is for us alone."""
        file = site.file
        changed: dict[str, Any] = {
            "node": file.node.model_copy(update={"name": self.name, "role": self.role, "workers": 1}),
            "ops": file.ops.model_copy(update={"host": LOCALHOST, "port": 0}),
        }
        if self.store_url:
            changed["store"] = file.store.model_copy(update={"url": self.store_url})
        if self.ports:
            listener = file.listener.model_copy(update={"port": self.ports[0]})
            if file.listener.tls is not None and len(self.ports) > 1:
                tls = file.listener.tls.model_copy(update={"port": self.ports[1]})
                listener = listener.model_copy(update={"tls": tls})
            changed["listener"] = listener
        return replace(site, file=file.model_copy(update=changed))


def with_role(site: Site, role: Role) -> Site:
    """The site as one process of this role runs it."""
    node = site.file.node.model_copy(update={"role": role, "workers": 1})
    return replace(site, file=site.file.model_copy(update={"node": node}))
