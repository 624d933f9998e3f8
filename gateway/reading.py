"""SharedReading: one read of a backend across replicas, best effort."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from gateway.backends.base import Outcome
from gateway.sharing import SharedTasks, Stored
from schema.errors import GatewayError
from schema.references import Selector

# A claim lives on only while its holder renews it: one that is lost with its replica delays the others this long.
_CLAIM_S = 0.25
_RENEW_S = 0.1
_POLL_S = 0.03

Fetch: TypeAlias = Callable[[Sequence[Selector]], Awaitable[Sequence[Outcome]]]
Accepts: TypeAlias = Callable[[Selector, Stored], bool]


class SharedReading:
    """Looks into what replicas share, claims what is to be read, and waits for what others are reading.

    A lost claim costs a second read, never an error. `lost` hears of a selector whose read another replica's write
    has overtaken.
    """

    def __init__(self, shared: SharedTasks, lost: Callable[[Selector], None] = lambda selector: None) -> None:
        self._shared = shared
        self._storage = shared.storage
        self.lost = lost
        self._behind: set[asyncio.Task[object]] = set()

    async def read(
        self, selectors: Sequence[Selector], fetch: Fetch, accepts: Accepts, *, purpose: str = ""
    ) -> dict[Selector, Outcome | Stored]:
        """What is stored where `accepts` agrees, else what `fetch` brings here or in another replica.

        Reads of one purpose only wait for one another.
        """
        look = await self._shared.look(selectors)
        stored = {selector: there for selector, there in look.stored.items() if accepts(selector, there)}
        missing = [selector for selector in selectors if selector not in stored]
        outcomes: dict[Selector, Outcome | Stored] = dict(stored)
        if not missing:
            return outcomes
        if look.stamp is None:
            outcomes.update(zip(missing, await fetch(missing), strict=True))
            return outcomes
        token = uuid.uuid4().hex
        mine = await self._claim(missing, token, purpose, look.stamp)
        others = [selector for selector in missing if selector not in mine]
        for part in await _side_by_side(
            self._fetch(mine, token, purpose, look.stamp, fetch),
            self._wait(others, token, purpose, fetch, accepts),
        ):
            outcomes.update(part)
        return outcomes

    async def aclose(self) -> None:
        """Nothing is left running."""
        for task in self._behind:
            task.cancel()
        await asyncio.gather(*self._behind, return_exceptions=True)

    def run_behind(self, work: Coroutine[Any, Any, object]) -> None:
        """Runs on after whoever asked has been answered."""
        task = asyncio.get_running_loop().create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    async def _fetch(
        self, selectors: Sequence[Selector], token: str, purpose: str, stamp: int, fetch: Fetch
    ) -> dict[Selector, Outcome | Stored]:
        if not selectors:
            return {}
        keys = self._keys(selectors, purpose)
        outcomes: dict[Selector, Outcome | Stored] = {}
        try:
            async with self._renewing(keys, token):
                outcomes.update(zip(selectors, await fetch(selectors), strict=True))
        finally:
            self.run_behind(self._hand_over(outcomes, keys, token, stamp))
        return outcomes

    async def _hand_over(
        self, outcomes: dict[Selector, Outcome | Stored], keys: Sequence[str], token: str, stamp: int
    ) -> None:
        answers = {key: answer for key, answer in outcomes.items() if not isinstance(answer, GatewayError | Stored)}
        for selector in await self._shared.keep(answers, stamp):
            self.lost(selector)
        await self._storage.release(keys, token)

    async def _wait(
        self, selectors: Sequence[Selector], token: str, purpose: str, fetch: Fetch, accepts: Accepts
    ) -> dict[Selector, Outcome | Stored]:
        outcomes: dict[Selector, Outcome | Stored] = {}
        waiting = list(selectors)
        while waiting:
            await asyncio.sleep(_POLL_S)
            look = await self._shared.look(waiting)
            outcomes.update((selector, there) for selector, there in look.stored.items() if accepts(selector, there))
            waiting = [selector for selector in waiting if selector not in outcomes]
            if not waiting:
                break
            if look.stamp is None:
                outcomes.update(zip(waiting, await fetch(waiting), strict=True))
                break
            mine = await self._claim(waiting, token, purpose, look.stamp)
            if mine:
                # Its holder may have handed it over between the look and the claim.
                outcomes.update(await self._fetch_unless_there(mine, token, purpose, fetch, accepts))
                waiting = [selector for selector in waiting if selector not in mine]
        return outcomes

    async def _fetch_unless_there(
        self, selectors: Sequence[Selector], token: str, purpose: str, fetch: Fetch, accepts: Accepts
    ) -> dict[Selector, Outcome | Stored]:
        look = await self._shared.look(selectors)
        there = {selector: stored for selector, stored in look.stored.items() if accepts(selector, stored)}
        missing = [selector for selector in selectors if selector not in there]
        if there:
            await self._storage.release(self._keys(list(there), purpose), token)
        if look.stamp is None:
            fetched = dict(zip(missing, await fetch(missing), strict=True))
            return {**there, **fetched}
        return {**there, **await self._fetch(missing, token, purpose, look.stamp, fetch)}

    async def _claim(self, selectors: Sequence[Selector], token: str, purpose: str, stamp: int) -> list[Selector]:
        claimed = await self._storage.claim(self._keys(selectors, purpose), token, _CLAIM_S, stamp)
        return [selector for selector, is_mine in zip(selectors, claimed, strict=True) if is_mine]

    @asynccontextmanager
    async def _renewing(self, keys: Sequence[str], token: str) -> AsyncIterator[None]:
        async def renew() -> None:
            while True:
                await asyncio.sleep(_RENEW_S)
                await self._storage.hold(keys, token, _CLAIM_S)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()

    def _keys(self, selectors: Sequence[Selector], purpose: str) -> list[str]:
        return [self._shared.key(selector) + purpose for selector in selectors]


async def _side_by_side(*parts: Coroutine[Any, Any, dict[Selector, Outcome | Stored]]) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in parts]
    return [task.result() for task in tasks]
