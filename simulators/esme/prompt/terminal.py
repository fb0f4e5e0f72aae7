"""The prompt for a person: completion, history, and receipts and MO above the line being typed.

Commands run beside the prompt, so that one that waits for an answer does not take the keyboard away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from simulators.esme.message import LONG_FORMS
from simulators.esme.message_options import MESSAGE
from simulators.esme.prompt.session import Session, run_safely
from simulators.esme.prompt.words import COMMANDS, NAMES

_HISTORY = Path("~/.smsgw-esme-sim-history")
_FLAGS = tuple(flag for flag, _, _ in MESSAGE)
_WITH_IDS = frozenset({"query", "cancel", "replace"})
_IDS_SHOWN = 20


async def run_terminal(session: Session, history: str | None) -> None:
    """Until quit, or the end of input (Ctrl-D)."""
    esme = session.esme
    prompt: PromptSession[str] = PromptSession(
        history=_history(history),
        completer=WordCompleter(session),
        complete_while_typing=False,
        bottom_toolbar=lambda: (
            f" {esme.name} at {esme.settings.host}:{esme.settings.port} · bound {esme.bound}"
            f" · sent {len(esme.sent)} · due {session.due.count} · help lists the commands"
        ),
    )
    session.say = _say
    with patch_stdout(raw=True):
        async with asyncio.TaskGroup() as group:
            running: set[asyncio.Task[bool]] = set()
            while not session.is_over:
                try:
                    line = await prompt.prompt_async(f"{esme.name}> ")
                except KeyboardInterrupt:
                    continue  # forget the line, as shells do
                except EOFError:
                    break
                if line.strip() == "quit":
                    break
                task = group.create_task(run_safely(session, line))
                running.add(task)
                task.add_done_callback(running.discard)
            for task in running:
                task.cancel()


def _say(line: str) -> None:
    print_formatted_text(FormattedText([("", line)]))


def _history(path: str | None) -> History:
    if path == "":
        return InMemoryHistory()
    file = Path(path) if path is not None else _HISTORY
    return FileHistory(str(file.expanduser()))


class WordCompleter(Completer):
    """Commands, options, recipients used before, and ids that were answered."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand at the cursor."""
        words = document.text_before_cursor.split(" ")
        last = words[-1]
        if len(words) == 1:
            meanings = {name: meaning for name, _, meaning in COMMANDS}
            choices: Iterable[tuple[str, str]] = ((name, meanings[name]) for name in NAMES)
        else:
            choices = ((word, "") for word in self._words(words[0], words[1:-1], last))
        for word, meaning in choices:
            if word.startswith(last):
                yield Completion(word, start_position=-len(last), display_meta=meaning)

    def _words(self, command: str, before: list[str], last: str) -> Iterable[str]:
        if command in ("send", "long"):
            if last.startswith("-"):
                return _FLAGS
            if before and before[-1] == "--long":
                return LONG_FORMS
            return self._recipients() if not before else ()
        if command in _WITH_IDS and not before:
            return self._ids()
        return ("receipts", "mo", "answers") if command == "wait" and not before else ()

    def _recipients(self) -> Iterable[str]:
        entries = (sent.to_entry("", "") for sent in reversed(self._session.esme.sent[-_IDS_SHOWN:]))
        return dict.fromkeys(entry.destination for entry in entries)

    def _ids(self) -> Iterable[str]:
        answers = (sent.answer for sent in reversed(self._session.esme.sent[-_IDS_SHOWN:]))
        return [answer.message_id for answer in answers if answer is not None and answer.message_id]
