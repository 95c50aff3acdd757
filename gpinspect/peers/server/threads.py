"""Blocking work beside the event loop: quick work in a few shared threads, slow work in a thread of its own.

A pipe may be silent for hours; in a shared pool a few such pipes would keep every other file waiting.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def quick(work: Callable[[], Result]) -> Result:
    """Run in a shared thread."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def slow(work: Callable[[], Result]) -> Result:
    """Run in a thread of its own, which does not keep the process alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, problem: BaseException | None) -> None:
        if future.done():
            return
        if problem is not None:
            future.set_exception(problem)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except BaseException as raised:
            problem = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, name="gpinspect-slow", daemon=True).start()
    return await future
