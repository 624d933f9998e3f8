"""Whole answers, kept while every task in them is fresh."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeAlias

from orjson import Fragment

from gateway.cache import Entry, TaskCache
from schema.context import Scope

Scopes: TypeAlias = frozenset[Scope]
# A plan's, for one set of variables: the answers by the scopes of who asked.
Shelf: TypeAlias = "dict[Scopes, KeptAnswer]"

# What an answer takes besides its text: itself, and its place with each of its tasks.
_OVERHEAD_BYTES = 500
_OVERHEAD_BYTES_A_TASK = 250
# All go when the entry does, within one turn of the event loop.
_MOST_OF_AN_ENTRY = 2000


_BEFORE, _AFTER = b'{"data":', b"}"


def data_of(text: bytes) -> Fragment:
    """The data in a whole answer that was kept."""
    return Fragment(text[len(_BEFORE) : -len(_AFTER)])


class KeptAnswer:
    """A whole answer as JSON. The entries it was made of are held, so that their identities stay theirs."""

    __slots__ = ("entries", "fresh_until", "scopes", "shelf", "size", "text")

    def __init__(
        self, text: bytes, entries: Sequence[Entry], fresh_until: float, shelf: Shelf, scopes: Scopes, size: int
    ) -> None:
        self.text = text
        self.entries = entries
        self.fresh_until = fresh_until
        self.shelf = shelf
        self.scopes = scopes
        self.size = size


class KeptAnswers:
    """At most `max_bytes` of answers, least recently used out first.

    An answer goes when a task in it is replaced, written, forgotten or evicted, and is never given past the freshness
    of any task in it. `hits` counts those given.
    """

    def __init__(self, cache: TaskCache, max_bytes: int = 32 * 1024 * 1024) -> None:
        self.hits = 0
        self._cache = cache
        self._max_bytes = max_bytes
        self._bytes = 0
        self._mark = 0
        self._kept: OrderedDict[KeptAnswer, None] = OrderedDict()
        self._by_entry: dict[int, dict[KeptAnswer, None]] = {}
        cache.on_gone.append(self._entry_gone)
        cache.on_doubt.append(self._drop_all)

    @property
    def mark(self) -> int:
        """To be taken before an answer's tasks are looked up, and given when it is to be kept."""
        return self._mark

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes_kept(self) -> int:
        """What the answers take, estimated."""
        return self._bytes

    def get(self, shelf: Shelf, scopes: Scopes) -> bytes | None:
        """An answer that still holds for a caller with these scopes: `{"data":…}`."""
        answer = shelf.get(scopes)
        if answer is None:
            return None
        if self._cache.now() >= answer.fresh_until:
            self._drop(answer)
            return None
        self._kept.move_to_end(answer)
        self.hits += 1
        return answer.text

    def keep(self, shelf: Shelf, scopes: Scopes, data: bytes, entries: Sequence[Entry], mark: int) -> None:
        """Keeps an answer made of these entries and nothing else, unless any entry has gone since `mark`."""
        if not entries or mark != self._mark or scopes in shelf:
            return
        size = len(data) + _OVERHEAD_BYTES + _OVERHEAD_BYTES_A_TASK * len(entries)
        if size > self._max_bytes // 8:
            return
        fresh_until = min(self._cache.fresh_until(entry) for entry in entries)
        text = b"%b%b%b" % (_BEFORE, data, _AFTER)
        kept = shelf[scopes] = KeptAnswer(text, entries, fresh_until, shelf, scopes, size)
        self._kept[kept] = None
        self._bytes += size
        for entry in entries:
            answers = self._by_entry.setdefault(id(entry), {})
            answers[kept] = None
            if len(answers) > _MOST_OF_AN_ENTRY:
                self._drop(next(iter(answers)))
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _entry_gone(self, entry: Entry) -> None:
        self._mark += 1
        for answer in list(self._by_entry.get(id(entry), ())):
            self._drop(answer)

    def _drop_all(self) -> None:
        self._mark += 1
        for answer in list(self._kept):
            self._drop(answer)

    def _drop(self, answer: KeptAnswer) -> None:
        if answer not in self._kept:
            return
        del self._kept[answer]
        self._bytes -= answer.size
        if answer.shelf.get(answer.scopes) is answer:
            del answer.shelf[answer.scopes]
        for entry in answer.entries:
            answers = self._by_entry.get(id(entry))
            if answers is not None:
                answers.pop(answer, None)
                if not answers:
                    del self._by_entry[id(entry)]
