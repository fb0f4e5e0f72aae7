"""A process that answers questions over records, beside one that must not wait for them.

Owns: the child, one at a time, which yields to everything else on the machine and runs in short turns where others
want it too (``records.pacing``); questions and answers over its pipes; time limits. A question is any function at the
top of a module, whose first argument is what ``start`` gave the child; it answers with what can be pickled. One that
takes too long is interrupted and, if that does not help, its child ended. The next question starts a new one, as after
any death of it. The child ends with the asking process.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import pickle
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from typing import IO, Any, Concatenate, Final, Generic, ParamSpec, Protocol, TypeVar

from smsgw.errors import RecordsError, RequestError
from smsgw.records.pacing import paced

LIMIT_S: Final = 180.0
"""How long a question may take, the waiting for others included."""
_GRACE_S: Final = 2.0
_PR_SET_PDEATHSIG: Final = 1
"""Linux, prctl(2)."""
_LENGTH: Final = struct.Struct("<Q")
_log = logging.getLogger("smsgw.records")

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
P = ParamSpec("P")
T = TypeVar("T")


class Asking(Protocol[S_co]):
    """Whoever answers questions over records, in this process or in another."""

    async def ask(self, question: Callable[Concatenate[S_co, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the question answers. Raises RequestError as the question does, RecordsError when there is no answer."""
        ...


class Here(Generic[S]):
    """Answers in this process, in a thread: for commands, which have nothing else to do. Raises what ``start`` does."""

    def __init__(self, start: Callable[[], S]) -> None:
        self._start = start
        self._source: S | None = None
        self._turn = asyncio.Lock()

    async def ask(self, question: Callable[Concatenate[S, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``Asking.ask``."""
        async with self._turn:
            try:
                return await asyncio.to_thread(self._answer, question, *args, **kwargs)
            except OSError as error:
                raise RecordsError(str(error)) from error

    def _answer(self, question: Callable[Concatenate[S, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if self._source is None:
            self._source = self._start()
        return question(self._source, *args, **kwargs)


class Worker(Generic[S]):
    """Answers in a child, one question after the other. ``close`` at the end.

    ``start`` is pickled, so a function at the top of a module or a ``functools.partial`` of one.
    """

    def __init__(self, start: Callable[[], S], limit_s: float = LIMIT_S) -> None:
        self._start = start
        self._limit_s = limit_s
        self._turn = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    async def ask(self, question: Callable[Concatenate[S, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``Asking.ask``."""
        try:
            async with asyncio.timeout(self._limit_s), self._turn:
                found: T = await self._answer(pickle.dumps((question, args, kwargs)))
                return found
        except TimeoutError:
            why = f"the records did not answer within {self._limit_s:g} s: ask for a shorter time, or fewer groups"
            raise RecordsError(why) from None

    async def close(self) -> None:
        """End the child."""
        async with self._turn:
            await self._end()

    async def _answer(self, packed: bytes) -> Any:
        child = self._child
        try:
            if child is None or child.returncode is not None:
                child = await self._started()
            assert child.stdin is not None
            assert child.stdout is not None
            async with paced(child.pid) if yields() else contextlib.nullcontext():
                child.stdin.write(_LENGTH.pack(len(packed)) + packed)
                await child.stdin.drain()
                kind, answer = await _received(child.stdout)
        except (OSError, EOFError) as error:  # IncompleteReadError is an EOFError
            await self._end()
            raise RecordsError("the process that reads the records ended; ask again") from error
        except asyncio.CancelledError:
            await asyncio.shield(self._end() if child is None else self._stopped(child))
            raise
        if kind == "answer":
            return answer
        if kind == "records":
            raise RecordsError(answer)
        if kind == "mistake":
            _log.error("records.worker.mistake", extra={"fields": {"why": answer}})
            raise RuntimeError(f"a question over records failed: {answer.splitlines()[-1]}")
        raise RequestError(kind, answer)

    async def _started(self) -> asyncio.subprocess.Process:
        await self._end()
        child = self._child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C is for the one who asks
        )  # fmt: skip
        packed = pickle.dumps(self._start)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(_LENGTH.pack(len(packed)) + packed)
        await _received(child.stdout)  # from here on it ends with this process, so it may be made to stand
        return child

    async def _stopped(self, child: asyncio.subprocess.Process) -> None:
        """Interrupt a question; the child lives on if it says within a moment that it was."""
        assert child.stdout is not None
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(_GRACE_S):
                await _received(child.stdout)
        except (TimeoutError, OSError, EOFError):
            await self._end()

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _received(stream: asyncio.StreamReader) -> tuple[Any, Any]:
    (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    kind, answer = pickle.loads(await stream.readexactly(length))
    return kind, answer


class _Child:
    """What runs in the child."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions = questions
        self._answers = answers
        self._is_asked = False
        signal.signal(signal.SIGINT, self._interrupt)

    def run(self) -> None:
        start: Callable[[], Any] = pickle.loads(self._read())
        self._say(("ready", None))
        source: Any = None
        while packed := self._read():
            said: tuple[str, Any]
            try:
                self._is_asked = True
                if source is None:
                    source = start()
                question, args, kwargs = pickle.loads(packed)
                said = "answer", question(source, *args, **kwargs)
            except (KeyboardInterrupt, Exception) as error:
                said = _failure(error)
            finally:
                self._is_asked = False
            self._say(said)

    def _say(self, said: tuple[str, Any]) -> None:
        packed = pickle.dumps(said)
        self._answers.write(_LENGTH.pack(len(packed)) + packed)
        self._answers.flush()

    def _interrupt(self, *_: object) -> None:
        # Only what is being looked for is given up; an answer on its way goes out whole.
        if self._is_asked:
            self._is_asked = False
            raise KeyboardInterrupt

    def _read(self) -> bytes:
        head = self._questions.read(_LENGTH.size)
        return self._questions.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""


def _failure(error: BaseException) -> tuple[str, str]:
    if isinstance(error, RequestError):
        return error.kind, str(error)
    if isinstance(error, KeyboardInterrupt | OSError | RecordsError):
        return "records", str(error) or "interrupted"
    return "mistake", "".join(traceback.format_exception(error)).rstrip()


def yields() -> bool:
    """Whether what reads and keeps records is to yield at all: not with ``SMSGW_EAGER=1``, for a demonstration."""
    return os.environ.get("SMSGW_EAGER") != "1"


def yield_to_others() -> None:
    """Run only where nothing else wants to, as far as the system lets us."""
    with contextlib.suppress(OSError):
        os.nice(19)
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    # Where a session's processes share their weight, being nice within one's own session helps nobody.
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write("19")


def end_with_parent() -> None:
    """Be killed when who started this process dies: one that stands between two turns can't read its pipe's end."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """The child: answers on what was its standard output, which then goes where errors do."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    end_with_parent()
    if yields():
        yield_to_others()
    with contextlib.suppress(BrokenPipeError):  # nobody is there any more who asked
        _Child(sys.stdin.buffer, answers).run()


if __name__ == "__main__":
    main()
