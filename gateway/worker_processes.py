"""What the operating system says of each worker: memory, processor time, descriptors."""

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Metric, ProcessCollector
from prometheus_client.registry import Collector

# A worker's files of present states are removed when it ends: those that are left name the workers there are.
_STATES_OF = re.compile(r"gauge_live\w*_(\d+)\.db")


class WorkerProcesses(Collector):
    """The metrics of ProcessCollector for every worker that writes to the directory, told apart by the label `pid`.

    A sum would not do: processor time that goes with a worker that ended would look as if all had begun anew.
    """

    def __init__(self, shared_directory: Path) -> None:
        self._shared_directory = shared_directory

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for pid in sorted(self._pids()):
            for metric in ProcessCollector("gateway", pid=pid.__str__, registry=None).collect():
                family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                for sample in metric.samples:
                    family.add_sample(sample.name, {"pid": str(pid)}, sample.value)
        yield from families.values()

    def _pids(self) -> set[int]:
        found = (_STATES_OF.fullmatch(path.name) for path in self._shared_directory.iterdir())
        return {int(match[1]) for match in found if match is not None}
