"""SharedTasks: what replicas tell each other of tasks, over a Storage.

A value is a checksum, a line of JSON and the record's own bytes, from which the backend's folder makes the task again:
nothing is unpickled. What cannot be read is absent. Keys carry the version of this form and a fingerprint of the
backend's account, so that neither an older gateway nor one with another account is answered from here.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import structlog

from gateway.backends.base import TaskBackend
from gateway.cache import Freshness
from gateway.storage import Linked, Storage
from schema.backend import Backend
from schema.errors import GatewayError
from schema.references import Reference, ScaleUniqueId, Selector, global_id, reference_of_id
from schema.task import Task

FORM_VERSION = 1

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Stored:
    """What another replica read: the task, or None for "there is none", and how many seconds ago."""

    task: Task | None
    age_s: float


@dataclass(frozen=True)
class Look:
    """What is stored of the selectors asked for. `stamp` is None where the storage could not be asked."""

    stamp: int | None
    stored: Mapping[Selector, Stored]


class SharedTasks:
    """Tasks in a Storage. `accounts` names each backend's account; `now` is the wall clock, alike in all replicas."""

    def __init__(
        self,
        storage: Storage,
        backends: Mapping[Backend, TaskBackend],
        freshness: Freshness,
        accounts: Mapping[Backend, str],
        now: Callable[[], datetime],
    ) -> None:
        self.storage = storage
        self._backends = backends
        self._freshness = freshness
        self._accounts = accounts
        self._now = now

    def key(self, selector: Selector) -> str:
        """Names the selector among all selectors of all accounts."""
        account = self._accounts.get(selector.backend, "")
        name = f"unique:{selector.text}" if isinstance(selector, ScaleUniqueId) else str(global_id(selector))
        return f"{account}:{name}"

    async def look(self, selectors: Sequence[Selector]) -> Look:
        """What is stored, however old."""
        found = await self.storage.find([self.key(selector) for selector in selectors])
        stored: dict[Selector, Stored] = {}
        aliases: dict[ScaleUniqueId, Reference] = {}
        for selector, value in zip(selectors, found.values, strict=True):
            read = None if value is None else self._read(selector, value)
            if isinstance(read, Stored):
                stored[selector] = read
            elif read is not None and isinstance(selector, ScaleUniqueId):
                aliases[selector] = read
        if aliases and found.stamp is not None:
            stored.update(await self._follow(aliases))
        return Look(found.stamp, stored)

    async def keep(self, answers: Mapping[Selector, Task | None], stamp: int) -> list[Selector]:
        """Stores what was read by a read that began at `stamp`. Returns what was written since, which stands."""
        values = {selector: self._values(selector, task) for selector, task in answers.items()}
        merged = {key: value for part in values.values() for key, value in part.items()}
        kept = dict(zip(merged, await self.storage.keep(merged, stamp), strict=True)) if merged else {}
        return [selector for selector, part in values.items() if not all(kept[key] for key in part)]

    async def replace(self, task: Task, origin: str) -> bool:
        """Stores a task as a write left it, and tells the other replicas; False where that could not be done."""
        written: list[Selector] = [task.reference]
        if task.unique_id is not None and task.reference.backend is Backend.SCALE:
            written.append(ScaleUniqueId(task.unique_id))
        return await self.storage.replace(self._values(task.reference, task), _message(origin, written))

    async def remove(self, selector: Selector, origin: str) -> bool:
        """Removes what is stored, and tells the other replicas; False where that could not be done."""
        return await self.storage.replace({self.key(selector): None}, _message(origin, [selector]))

    async def listen(self, changed: Callable[[Selector, str], None], linked: Linked) -> None:
        """Hears what any replica wrote, and in which replica it was, until cancelled."""

        def heard(message: bytes) -> None:
            for selector, origin in _changes(message):
                changed(selector, origin)

        await self.storage.listen(heard, linked)

    def _values(self, selector: Selector, task: Task | None) -> dict[str, tuple[bytes, float]]:
        kept_s = self._freshness.kept_after(task)
        read_at = (self._now() if task is None else task.fetched_at).timestamp()
        if task is None:
            return {self.key(selector): (_sealed({"at": read_at}, b""), kept_s)}
        reference: Reference = task.reference
        values = {self.key(reference): (_sealed({"at": read_at, "task": True}, task.record.body), kept_s)}
        if task.unique_id is not None and reference.backend is Backend.SCALE:
            alias = self.key(ScaleUniqueId(task.unique_id))
            values[alias] = (_sealed({"at": read_at, "leads_to": global_id(reference)}, b""), kept_s)
        return values

    def _read(self, selector: Selector, value: bytes) -> Stored | Reference | None:
        """What the value says; None where it is damaged."""
        try:
            header, body = _unsealed(value)
            read_at = datetime.fromtimestamp(header["at"], UTC)
            if "leads_to" in header:
                return reference_of_id(header["leads_to"])
            task = None
            if "task" in header:
                if isinstance(selector, ScaleUniqueId):
                    return None
                task = self._backends[selector.backend].restore(selector, body, read_at)
        except (ValueError, TypeError, KeyError, OverflowError, OSError, GatewayError) as exc:
            _log.warning("a damaged entry of the shared cache counts as absent", kind=type(exc).__name__)
            return None
        return Stored(task, max(0.0, (self._now() - read_at) / timedelta(seconds=1)))

    async def _follow(self, aliases: Mapping[ScaleUniqueId, Reference]) -> dict[Selector, Stored]:
        references = list(dict.fromkeys(aliases.values()))
        found = (await self.look(references)).stored
        stored: dict[Selector, Stored] = {}
        for unique_id, reference in aliases.items():
            there = found.get(reference)
            # The unique id may have moved since.
            if there is not None and there.task is not None and there.task.unique_id == unique_id.text:
                stored[unique_id] = there
        return stored


def _sealed(header: dict[str, object], body: bytes) -> bytes:
    content = orjson.dumps(header) + b"\n" + body
    return zlib.crc32(content).to_bytes(4, "big") + content


def _unsealed(value: bytes) -> tuple[dict[str, Any], bytes]:
    content = value[4:]
    if zlib.crc32(content).to_bytes(4, "big") != value[:4]:
        raise ValueError("the checksum does not fit")
    header, _, body = content.partition(b"\n")
    return orjson.loads(header), body


def _message(origin: str, selectors: Sequence[Selector]) -> bytes:
    names = [
        ["unique", selector.text] if isinstance(selector, ScaleUniqueId) else ["task", global_id(selector)]
        for selector in selectors
    ]
    return orjson.dumps({"from": origin, "wrote": names})


def _changes(message: bytes) -> list[tuple[Selector, str]]:
    try:
        content = orjson.loads(message)
        origin = str(content["from"])
        return [
            (ScaleUniqueId(str(name)) if kind == "unique" else reference_of_id(name), origin)
            for kind, name in content["wrote"]
        ]
    except (ValueError, TypeError, KeyError, GatewayError) as exc:
        _log.warning("a damaged message of another replica was ignored", kind=type(exc).__name__)
        return []
