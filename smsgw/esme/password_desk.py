"""Where binds wait for their password to be checked: slow on purpose, so there is a limit to it for everybody.

Owns two threads, for that many cores at most are burnt by wrong passwords; who waits, by address; and one check for
equal questions, so that an application's ten binds cost one. What was right lately is known at once and never waits.
What can go wrong: more questions than an address, or all of them, may have open; the answer is then ``None``
at once, and the bind is refused: applications bind again, and a storm of wrong passwords ends at its own address.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

#: Verifies (stored hash, password): expensive, so it is called in a thread. Must not raise.
PasswordCheck = Callable[[str, bytes], bool]
#: True, False, or None: not checked, too many are waiting.
Answer = Callable[[bool | None], None]

THREADS = 2
MOST_OF_ADDRESS = 16
MOST_IN_ALL = 256


class PasswordDesk:
    """``known`` says at no cost whether a password was right lately."""

    def __init__(self, check: PasswordCheck, known: PasswordCheck) -> None:
        self._check = check
        self._known = known
        self._threads = ThreadPoolExecutor(THREADS, "password")
        #: The open questions, each with who waits for its answer.
        self._open: dict[tuple[str, bytes], list[Answer]] = {}
        self._of_address: Counter[str] = Counter()

    def ask(self, address: str, stored: str, password: bytes, answer: Answer) -> None:
        """Call ``answer`` once, now or later, in the loop's thread."""
        if self._known(stored, password):
            answer(True)
            return
        question = (stored, password)
        waiting = self._open.get(question)
        if waiting is not None:
            waiting.append(answer)
            return
        if self._of_address[address] >= MOST_OF_ADDRESS or len(self._open) >= MOST_IN_ALL:
            answer(None)
            return
        self._of_address[address] += 1
        self._open[question] = [answer]
        loop = asyncio.get_running_loop()
        checked = loop.run_in_executor(self._threads, self._check, stored, password)
        checked.add_done_callback(lambda done: self._checked(address, question, done))

    def close(self) -> None:
        """Check nothing more; what waits is not answered."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _checked(self, address: str, question: tuple[str, bytes], done: asyncio.Future[bool]) -> None:
        waiting = self._open.pop(question)
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]
        if not done.cancelled():
            right = done.result()
            for answer in waiting:
                answer(right)
