"""How many scenes of one annotation request are read: each alone, or all by its pages. Decisions only.

A request of N tasks costs 1 + ceil(N/100) calls in bulk (the request itself, then the pages of its statistics) and one
call a scene otherwise.
"""

STATISTICS_PAGE = 100
HISTORY_PAGE = 1000


def pages_of(size: int) -> int:
    """How many pages of statistics `size` tasks fill; at least one, since an empty one must be read to be known."""
    return max(1, -(-size // STATISTICS_PAGE))


def may_pay(wanted: int, known_size: int | None) -> bool:
    """Whether to read the request first. A size never seen is taken for one page: the most that is lost is one call."""
    return wanted > 1 + pages_of(known_size or 0)


def pays(wanted: int, size: int) -> bool:
    """Whether pages cost less than single reads now that the request itself has been read."""
    return wanted > pages_of(size)
