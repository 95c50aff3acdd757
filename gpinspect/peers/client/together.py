"""What reading and writing segments have in common: they run side by side, and one that fails ends the statement for all."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from gpinspect.errors import TlsKeyError
from gpinspect.peers.client.place import Place
from gpinspect.peers.tls import ClientTls

Given = TypeVar("Given")
Progress = Callable[[int, int], None]
"""Bytes and rows so far."""


async def aside(work: Callable[[], Given]) -> Given:
    """Run what may block (a read of a pipe) in a thread that nobody has to wait for when the program ends.

    Raises:
        Exception: What `work` raised.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Given] = loop.create_future()

    def settle(result: Given | None, problem: Exception | None) -> None:
        if future.cancelled():
            return
        if problem is not None:
            future.set_exception(problem)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except Exception as met:
            problem = met
        with contextlib.suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, daemon=True).start()
    return await future


async def together(
    runs: Sequence[Coroutine[Any, Any, None]], stopped: asyncio.Event, finishing: Callable[[int], bool] = lambda _: False
) -> None:
    """Run all until they end, or until `stopped` is set: then the others are cancelled.

    Args:
        finishing: Whether one of them (by its place) is about to end by itself and is to be left alone.

    Raises:
        GpinspectError: What one of them raised; the others are cancelled first.
    """
    tasks = [asyncio.create_task(run) for run in runs]
    stop = asyncio.create_task(stopped.wait())
    try:
        waiting = set(tasks)
        while waiting and not stop.done():
            done, _ = await asyncio.wait({*waiting, stop}, return_when=asyncio.FIRST_COMPLETED)
            waiting -= done
            if any(task.exception() is not None for task in done if task is not stop and not task.cancelled()):
                break
    finally:
        stop.cancel()
        for place, task in enumerate(tasks):
            if not task.done() and not finishing(place):
                task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException) and not isinstance(one, asyncio.CancelledError):
            raise one


def secure_context(places: Iterable[Place], tls: ClientTls | None) -> ssl.SSLContext | None:
    """The context of gpfdists:// URLs, made before anything starts; None where no URL needs it.

    Raises:
        TlsKeyError: Files are missing or do not fit, or nobody named them.
    """
    if not any(place.secure for place in places):
        return None
    if tls is None:
        raise TlsKeyError("gpfdists:// needs client.crt, client.key and root.crt; name their folder")
    return tls.context()
