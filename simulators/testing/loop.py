"""One event loop in a thread of its own, and ways to have things done in it from any other thread.

The simulators of a test live in one such loop, so that a test may block while they go on.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: Nothing asked of the loop takes longer, apart from waiting, which has deadlines of its own.
_LONGEST_S = 60.0


class LoopThread:
    """Runs from construction to ``close``."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        #: What went wrong in the loop with nobody to tell, in words.
        self.problems: list[str] = []
        self._loop.set_exception_handler(self._note)
        self._thread = threading.Thread(target=self._run, name="smsgw simulators", daemon=True)
        self._thread.start()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it in the loop and return what it returns."""
        __tracebackhide__ = True

        async def called() -> T:
            return function(*args, **kwargs)

        return self.run(called())

    def run(self, coroutine: Coroutine[Any, Any, T], deadline_s: float = 0.0) -> T:
        """Wait for a coroutine in the loop; it must end by itself, soon after ``deadline_s``."""
        __tracebackhide__ = True
        future = self._submit(coroutine)
        try:
            return future.result(_LONGEST_S + deadline_s)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise  # the coroutine's own
            future.cancel()
            raise RuntimeError("the simulators' event loop does not answer") from None

    async def arun(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """As ``run``, awaited in another event loop."""
        return await asyncio.wrap_future(self._submit(coroutine))

    def close(self) -> None:
        """End the loop and its thread; what runs in it must have been ended before."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        if threading.current_thread() is self._thread or self._loop.is_closed():
            coroutine.close()
            why = "has ended" if self._loop.is_closed() else "can't wait for itself"
            raise RuntimeError(f"the simulators' event loop {why}")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.problems.append(f"{context['message']}: {error!r}" if error is not None else str(context["message"]))


def blocks_a_loop() -> str:
    """What to say when waiting failed in a thread whose own event loop could not go on meanwhile; empty otherwise."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return ""
    return "\n(This waited in a running event loop, where nothing else can go on: await its twin that ends in _async.)"
