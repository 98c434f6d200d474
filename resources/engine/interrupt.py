"""SIGTERM and Ctrl+C while calls are in flight: no new call starts, those in flight end, the signal is raised again."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from resources.stopping import SIGNALS, STOP


@contextmanager
def draining(stop: Callable[[str], None]) -> Iterator[None]:
    """The first signal calls `stop`; a second one, and the first one once the block has ended, act as they did before.

    Outside the main thread Python handles no signals: there a command hears them for us (`STOP`).
    """
    loop = asyncio.get_running_loop()

    def tell(name: str) -> None:
        loop.call_soon_threadsafe(stop, f"{name} was received")

    if threading.current_thread() is not threading.main_thread():
        with STOP.telling(tell):
            yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    received: list[int] = []

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def first(number: int, _frame: object) -> None:
        received.append(number)
        restore()
        tell(signal.Signals(number).name)

    for number in SIGNALS:
        signal.signal(number, first)
    try:
        yield
    finally:
        restore()
        if received:
            os.kill(os.getpid(), received[0])
