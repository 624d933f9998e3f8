"""Begun: a task that has run up to where it first waits, instead of beginning in the event loop's next turn.

In a burst a turn takes milliseconds, and a call that is to leave should not wait for it.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


def begun(coroutine: Coroutine[Any, Any, T]) -> "asyncio.Future[T]":
    """What the coroutine comes to. It runs at once, in a context of its own, until it waits, and then as a task.

    Until it waits there is no task of its own: it must not look at the running one, as asyncio.timeout and
    TaskGroup do.
    """
    loop = asyncio.get_running_loop()
    context = copy_context()
    try:
        pending = context.run(coroutine.send, None)
    except StopIteration as end:
        ended: asyncio.Future[T] = loop.create_future()
        ended.set_result(end.value)
        return ended
    except Exception as error:  # noqa: BLE001  whatever it is, it is told to whoever awaits
        failed: asyncio.Future[T] = loop.create_future()
        failed.set_exception(error)
        return failed
    return loop.create_task(_Resumed(coroutine, pending), context=context)


class _Resumed(Coroutine[Any, Any, T]):
    """A coroutine that waits for `pending` already. Cancelled before its task has begun, it hears of that too."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], pending: Any) -> None:
        self._coroutine = coroutine
        self._pending = pending
        self._has_told = False

    def send(self, value: Any) -> Any:
        if self._has_told:
            return self._coroutine.send(value)
        self._has_told = True
        return self._pending

    def throw(self, *error: Any) -> Any:
        self._has_told = True
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, T]:
        raise NotImplementedError("a task runs it")
