"""python -m benchmarks.running SCENARIO... [--seconds N]: prints tables; exit code 1 where something did not hold."""

import argparse
import asyncio
import sys

from benchmarks.running.chaos import chaos
from benchmarks.running.rolling import rolling_restart
from benchmarks.running.scenarios import brownout, overload, redis_loss, soak, steady

# Each with the seconds of its long form.
SCENARIOS = {
    "steady": (steady, 30.0),
    "overload": (overload, 60.0),
    "brownout": (brownout, 60.0),
    "redis-loss": (redis_loss, 60.0),
    "rolling-restart": (rolling_restart, 60.0),
    "chaos": (chaos, 300.0),
    "soak": (soak, 600.0),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.running", description="Load and trouble, in tables.")
    parser.add_argument("scenario", nargs="+", choices=SCENARIOS)
    parser.add_argument("--seconds", type=float, help="instead of the long form's own")
    options = parser.parse_args()
    broken = False
    for name in options.scenario:
        run, seconds = SCENARIOS[name]
        finding = asyncio.run(run(options.seconds or seconds))
        print(finding.markdown(), flush=True)
        broken = broken or bool(finding.broken)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
