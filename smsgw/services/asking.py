"""Who answers questions over records: a child of the console that yields to the gateway, or a command itself.

Owns: what a question is given, and its bounds. A question is a function at the top of a module; see ``records.worker``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from smsgw.config.site import Site
from smsgw.errors import RequestError
from smsgw.records import worker
from smsgw.records.archive.knowledge import Keys, Knowledge
from smsgw.records.history import ARCHIVE, Embedded, History
from smsgw.services.archive import history_of, keys_of, knowledge_of
from smsgw.store.secrets import load_or_create

THREADS: Final = 1
"""So that a gateway on a machine of two cores keeps one of them."""
MEMORY: Final = "512MB"


@dataclass(frozen=True, slots=True)
class Source:
    """What questions are asked of. ``directory``: of records on this machine."""

    directory: Path
    history: History
    keys: Keys
    knowledge: Knowledge

    def require_archive(self) -> None:
        """Raises RequestError ``missing`` where nothing was ever taken into an archive."""
        if isinstance(self.history, Embedded) and not (self.directory / ARCHIVE).exists():
            raise RequestError("missing", f"{self.directory} has no archive yet; `smsgw archive keep` makes it")


Asking: TypeAlias = worker.Asking[Source]


def source(site: Site) -> Source:
    """What the child works with."""
    secrets = load_or_create(site.secrets_file)
    sealer = secrets.sealer()
    history = history_of(site, THREADS, MEMORY)
    return Source(site.records_dir, history, keys_of(secrets.hasher(), sealer), knowledge_of(site, sealer))


def worker_of(site: Site) -> worker.Worker[Source]:
    """A child for a site's records, started by the first question; ``close`` it at the end."""
    return worker.Worker(partial(source, replace(site, warnings=())))  # errors don't go through a pipe


def here_of(site: Site) -> worker.Here[Source]:
    """This process, for a command or a test."""
    return worker.Here(partial(source, site))
