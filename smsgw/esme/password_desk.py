"""Where binds wait for their password to be checked: slow on purpose, so there is a limit to it for everybody.

Owns two threads that give way to traffic; who waits, by address, each address in turn; and one check for
equal questions, so that an application's ten binds cost one. What was right lately is known at once and never waits;
what is not known is asked of the other processes first, for all that wait together, and only then computed.
What can go wrong: more questions than an address, or all of them, may have open; the answer is then ``None``
at once, and the bind is refused: applications bind again, and a storm of wrong passwords ends at its own address.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

#: Verifies (stored hash, password): expensive, so it is called in a thread. Must not raise.
PasswordCheck = Callable[[str, bytes], bool]
#: True, False, or None: not checked, too many are waiting.
Answer = Callable[[bool | None], None]
#: Whether who asks still waits for the answer.
Waits = Callable[[], bool]

THREADS = 2
#: By how much they give way: an idle machine is theirs, of a busy one they have some quarter.
NICE = 5
MOST_OF_ADDRESS = 512
MOST_IN_ALL = 4096


class Proofs(Protocol):
    """What other processes, and earlier lives of this one, have found right."""

    def recall(self, then: Callable[[], None]) -> None:
        """Learn of it, then call ``then`` in the loop's thread, at once or soon, whatever came of it."""

    def proved(self, stored: str, password: bytes) -> None:
        """This was found right."""


class NoProofs:
    """A process that is alone."""

    def recall(self, then: Callable[[], None]) -> None:
        then()

    def proved(self, stored: str, password: bytes) -> None: ...


class _Question:
    __slots__ = ("address", "password", "stored", "waiting")

    def __init__(self, address: str, stored: str, password: bytes) -> None:
        self.address = address
        self.stored = stored
        self.password = password
        self.waiting: list[tuple[Answer, Waits]] = []


class PasswordDesk:
    """``known`` says at no cost whether a password was right lately."""

    def __init__(self, check: PasswordCheck, known: PasswordCheck, proofs: Proofs | None = None) -> None:
        self._check = check
        self._known = known
        self._proofs = proofs or NoProofs()
        self._threads = ThreadPoolExecutor(THREADS, "password", _give_way)
        self._running = 0
        self._closed = False
        #: The open questions, also those that are being computed.
        self._open: dict[tuple[str, bytes], _Question] = {}
        self._of_address: dict[str, int] = {}
        #: Those to compute, by address; the first address is next.
        self._queues: dict[str, deque[_Question]] = {}

    def ask(self, address: str, stored: str, password: bytes, answer: Answer, waits: Waits = lambda: True) -> None:
        """Call ``answer`` once, now or later, in the loop's thread; not when ``waits`` has become False."""
        if self._known(stored, password):
            answer(True)
            return
        question = self._open.get((stored, password))
        if question is not None:
            question.waiting.append((answer, waits))
            return
        if self._of_address.get(address, 0) >= MOST_OF_ADDRESS or len(self._open) >= MOST_IN_ALL:
            answer(None)
            return
        self._of_address[address] = self._of_address.get(address, 0) + 1
        question = self._open[stored, password] = _Question(address, stored, password)
        question.waiting.append((answer, waits))
        self._proofs.recall(lambda: self._recalled(question))

    def close(self) -> None:
        """Check nothing more; what waits is not answered."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    # -- inside

    def _recalled(self, question: _Question) -> None:
        if self._known(question.stored, question.password):
            self._answer(question, True)
            return
        self._queues.setdefault(question.address, deque()).append(question)
        self._compute()

    def _compute(self) -> None:
        """Give the threads their next questions, one of each address in turn."""
        while self._running < THREADS and self._queues and not self._closed:
            address, queue = next(iter(self._queues.items()))
            question = queue.popleft()
            del self._queues[address]
            if queue:
                self._queues[address] = queue
            if any(waits() for _, waits in question.waiting):
                self._running += 1
                loop = asyncio.get_running_loop()
                checked = loop.run_in_executor(self._threads, self._check, question.stored, question.password)
                checked.add_done_callback(partial(self._checked, question))
            else:
                self._answer(question, None)

    def _checked(self, question: _Question, done: asyncio.Future[bool]) -> None:
        self._running -= 1
        if not done.cancelled():
            right = done.result()
            if right:
                self._proofs.proved(question.stored, question.password)
            self._answer(question, right)
        self._compute()

    def _answer(self, question: _Question, right: bool | None) -> None:
        del self._open[question.stored, question.password]
        left = self._of_address[question.address] - 1
        if left:
            self._of_address[question.address] = left
        else:
            del self._of_address[question.address]
        for answer, waits in question.waiting:
            if waits():
                answer(right)


def _give_way() -> None:
    """A thread's own priority, where the system has such."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICE)
