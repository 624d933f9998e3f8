"""What a scenario found: a table, and what should have held and did not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.running.load import Results


@dataclass
class Finding:
    """One scenario's outcome."""

    title: str
    head: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def expect(self, holds: bool, sentence: str) -> None:
        """Notes the sentence where it does not hold."""
        if not holds:
            self.broken.append(sentence)

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", _row(self.head), _row(["---"] * len(self.head))]
        lines += [_row(row) for row in self.rows]
        lines += ["", *(f"**Not met:** {sentence}" for sentence in self.broken)]
        return "\n".join(lines)


LOAD_HEAD = ("phase", "sent/s", "answered", "shed", "failed", "p50 ms", "p95 ms", "p99 ms", "shed p95 ms")


def load_row(phase: str, results: Results, seconds: float) -> Sequence[object]:
    """One phase of load."""
    return (
        phase,
        round(len(results.sent) / seconds),
        results.count("ok"),
        results.count("shed"),
        results.failed,
        *(_ms(results.seconds(share)) for share in (0.5, 0.95, 0.99)),
        _ms(results.seconds(0.95, outcome="shed")),
    )


def _ms(seconds: float) -> object:
    return "-" if seconds != seconds else round(seconds * 1000, 1)


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
