"""Walking numbered pages: the first alone, as it says how many there are, the others side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.backends.rosetta.statistics import Page
from schema.errors import GatewayError

Row = TypeVar("Row")

# A count may be nonsense, and a backend may go down midway: pages go out in waves, and the walk ends with a wave that
# has an empty page or only failures.
_WAVE = 32


@dataclass(frozen=True, slots=True)
class Walk(Generic[Row]):
    """The rows of all pages that could be read, each id once, and why others could not."""

    rows: tuple[Row, ...]
    failure: GatewayError | None = None


async def walk(
    read_page: Callable[[int], Awaitable[Page[Row] | None]], row_id: Callable[[Row], str]
) -> Walk[Row] | None:
    """Every row, None where there is nothing to walk through. Pages are counted from 1.

    A page that fails leaves the others' rows; it never raises GatewayError.
    """
    try:
        first = await read_page(1)
    except GatewayError as error:
        return Walk((), error)
    if first is None:
        return None
    rows = {row_id(row): row for row in first.rows}
    failure = None
    # A server that lowers the limit tells so by the length of its first page only.
    last = -(-first.count // first.received) if first.received else 1
    for start in range(2, last + 1, _WAVE):
        answers = await _read_wave(read_page, range(start, min(start + _WAVE, last + 1)))
        pages = [answer for answer in answers if isinstance(answer, Page)]
        failures = [answer for answer in answers if isinstance(answer, GatewayError)]
        failure = failure or next(iter(failures), None)
        rows.update((row_id(row), row) for page in pages for row in page.rows)
        went_on = pages and len(pages) + len(failures) == len(answers) and all(page.received for page in pages)
        if not went_on:
            break
    return Walk(tuple(rows.values()), failure)


async def _read_wave(
    read_page: Callable[[int], Awaitable[Page[Row] | None]], numbers: range
) -> list[Page[Row] | GatewayError | None]:
    async def read(number: int) -> Page[Row] | GatewayError | None:
        try:
            return await read_page(number)
        except GatewayError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read(number)) for number in numbers]
    return [task.result() for task in tasks]
