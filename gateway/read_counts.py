"""What reads found in the cache, and how many joined another: numbers that only grow."""

from dataclasses import dataclass, field

FRESH, STALE, OLD, MISSING = "fresh", "stale", "old", "missing"


@dataclass
class ReadCounts:
    """`found` counts by state; `coalesced` the reads that joined one under way. Told to nobody: whoever wants looks."""

    found: dict[str, int] = field(default_factory=lambda: {FRESH: 0, STALE: 0, OLD: 0, MISSING: 0})
    coalesced: int = 0
