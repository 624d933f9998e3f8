"""Reads under way, and which of them a write has overtaken."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from cachetools import TTLCache

from gateway.backends.base import Outcome
from schema.references import ScaleTaskReference, ScaleUniqueId, Selector

Landing: TypeAlias = "asyncio.Future[Outcome]"

# No read is under way longer than the longest timeout that can be set.
_REMEMBERED_S = 600
_REMEMBERED_WRITES = 100_000


class Read(NamedTuple):
    """What one flight brings: a selector, and whether the answer must hold viewUrl."""

    selector: Selector
    view_url: bool = False


@dataclass(eq=False)
class Flight:
    """One read that others may join. `mark` is from `Writes`, taken when it began.

    `asks_backend`: it is not content with what another replica read before.
    """

    read: Read
    mark: int
    asks_backend: bool
    landing: Landing = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Flights:
    """The reads that may be joined, at most one of each."""

    def __init__(self) -> None:
        self._by_read: dict[Read, Flight] = {}

    def joinable(self, read: Read) -> Flight | None:
        return self._by_read.get(read)

    def take_off(self, read: Read, mark: int, asks_backend: bool) -> Flight:
        flight = self._by_read[read] = Flight(read, mark, asks_backend)
        return flight

    def land(self, flight: Flight, outcome: Outcome) -> None:
        """Tells all who wait."""
        if self._by_read.get(flight.read) is flight:
            del self._by_read[flight.read]
        flight.landing.set_result(outcome)

    def close_to_newcomers(self, selector: Selector) -> None:
        """What is under way for `selector` may have been answered before a write: who asks now reads anew.

        Which task a unique id leads to is not known before it is read: after a write to Scale none may be joined.
        """
        for view_url in (False, True):
            self._by_read.pop(Read(selector, view_url), None)
        if isinstance(selector, ScaleTaskReference):
            for read in [read for read in self._by_read if isinstance(read.selector, ScaleUniqueId)]:
                del self._by_read[read]


class Writes:
    """When what was written, in marks that only grow, so that a read which began before does not undo it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._mark = 0
        self._written: TTLCache[Selector, int] = TTLCache(_REMEMBERED_WRITES, _REMEMBERED_S, timer=now)

    @property
    def mark(self) -> int:
        """To be taken when a read begins."""
        return self._mark

    def note(self, selectors: Sequence[Selector]) -> None:
        """Notes a write that changes what each of `selectors` leads to."""
        self._mark += 1
        for selector in selectors:
            self._written[selector] = self._mark

    def overtook(self, selector: Selector, mark: int) -> bool:
        """Whether `selector` was written after `mark` was taken."""
        # Nearly always nothing was written meanwhile: the map, which ends entries by time, costs a hundred times that.
        return mark != self._mark and self._written.get(selector, 0) > mark
