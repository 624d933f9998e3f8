"""Within a deadline: a timer is set only for what really has to wait."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def within(deadline: float | None, coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns. Raises TimeoutError at `deadline`, the event loop's time, having cancelled it.

    What is cached is answered without waiting, and most answers are: they pay for no timer.
    """
    try:
        pending = coroutine.send(None)
    except StopIteration as done:
        returned: T = done.value
        return returned
    async with asyncio.timeout_at(deadline):
        return await _Begun(coroutine, pending)


class _Begun(Generic[T]):
    """Goes on awaiting a coroutine that waits for `pending` already, in the task in which it began."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], pending: Any) -> None:
        self._coroutine = coroutine
        self._pending = pending

    def __await__(self) -> Generator[Any, Any, T]:
        coroutine, pending = self._coroutine, self._pending
        step: Callable[[Any], Any]
        value: Any
        while True:
            try:
                sent = yield pending
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001  cancellation included: the coroutine decides
                step, value = coroutine.throw, error
            else:
                step, value = coroutine.send, sent
            try:
                pending = step(value)
            except StopIteration as done:
                returned: T = done.value
                return returned
