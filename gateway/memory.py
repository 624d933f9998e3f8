"""Memory: how Python's collector of cycles is set for a process that keeps much and drops little."""

import gc

# The young are looked at after so many more objects were made than freed. A large operation makes some ten thousand,
# nearly all of them freed by counting references.
_YOUNG, _MIDDLE, _OLD = 50_000, 50, 1000


def settle_memory() -> None:
    """What exists by now is taken to live as long as the process, and never looked at again.

    A cache of 100,000 tasks is some million objects without a cycle: to walk them all, as Python would every few
    seconds, holds every request up for a third of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
