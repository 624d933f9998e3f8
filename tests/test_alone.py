"""Tests share the machine, but for those that want it to themselves."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.alone import Turns
from tests.waiting import wait_until


class Bench:
    """Threads that stand for workers of one run."""

    def __init__(self, folder: Path) -> None:
        self._turns = Turns(folder)
        self._threads: list[threading.Thread] = []
        self.running: list[str] = []
        self.met: list[list[str]] = []
        """What ran, each time that something began."""
        self._may_end = {"one": threading.Event(), "two": threading.Event(), "three": threading.Event()}

    def start(self, name: str, *, alone: bool = False) -> None:
        def run() -> None:
            with self._turns.turn(alone=alone):
                self.running.append(name)
                self.met.append(sorted(self.running))
                assert self._may_end[name].wait(20)
                self.running.remove(name)

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def end(self, name: str) -> None:
        self._may_end[name].set()

    def until(self, *names: str) -> None:
        wait_until(lambda: sorted(self.running) == sorted(names), f"{self.running} instead of {names}")

    def join(self) -> None:
        for event in self._may_end.values():
            event.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    made = Bench(folder)
    try:
        yield made
    finally:
        made.join()


def test_side_by_side(tmp_path: Path) -> None:
    """Ordinary tests run at the same time."""
    with bench(tmp_path) as workers:
        workers.start("one")
        workers.start("two")

        workers.until("one", "two")


def test_alone(tmp_path: Path) -> None:
    """What is alone waits for what runs; what comes after it waits for it, so that it is not kept out for ever."""
    with bench(tmp_path) as workers:
        workers.start("one")
        workers.until("one")
        workers.start("two", alone=True)
        wait_until(lambda: _is_taken(tmp_path / "next"), "it does not wait")
        workers.start("three")
        workers.end("one")
        workers.until("two")
        workers.end("two")
        workers.until("three")

    assert workers.met == [["one"], ["two"], ["three"]]


def _is_taken(path: Path) -> bool:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
