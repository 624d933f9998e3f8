"""Begun: what runs at once up to where it first waits, and as a task from there on."""

import asyncio
from contextvars import ContextVar

import pytest

from gateway.begun import begun

pytestmark = pytest.mark.anyio

_VALUE: ContextVar[str] = ContextVar("value", default="outer")


class Work:
    """Waits for `gate`, and notes what it came to."""

    def __init__(self) -> None:
        self.gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.notes: list[str] = []

    async def run(self) -> str:
        self.notes.append("began")
        try:
            answer = await self.gate
        except asyncio.CancelledError:
            self.notes.append("cancelled")
            raise
        finally:
            self.notes.append("ended")
        await asyncio.sleep(0)
        return answer


async def test_runs_at_once_up_to_where_it_waits() -> None:
    """What it does before it waits is done when `begun` returns; the rest when what it waits for has come."""
    work = Work()

    task = begun(work.run())

    assert work.notes == ["began"]
    work.gate.set_result("answer")
    assert await task == "answer"
    assert work.notes == ["began", "ended"]


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_cancelled(turns: int) -> None:
    """Cancelled before its task has had a turn, or later: it hears of it where it waits."""
    work = Work()
    task = begun(work.run())
    for _ in range(turns):
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert work.notes == ["began", "cancelled", "ended"]


async def test_what_never_waits() -> None:
    """Its value, or its exception, is there at once."""

    async def value() -> int:
        return 1

    async def bug() -> int:
        raise LookupError("a bug")

    fine, failed = begun(value()), begun(bug())

    assert fine.done()
    assert await fine == 1
    with pytest.raises(LookupError):
        await failed


async def test_a_context_of_its_own() -> None:
    """What it sets stays set for it, and is not seen by whoever began it."""

    async def sets() -> str:
        _VALUE.set("inner")
        await asyncio.sleep(0)
        return _VALUE.get()

    task = begun(sets())

    assert _VALUE.get() == "outer"
    assert await task == "inner"


async def test_failures_where_it_waits() -> None:
    """An exception of what it waits for is raised there."""
    work = Work()
    task = begun(work.run())

    work.gate.set_exception(OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        await task

    assert work.notes == ["began", "ended"]
