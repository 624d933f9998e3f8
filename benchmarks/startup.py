"""How long the gateway takes from its start to ready, imports included, and what it holds in memory then.

python -m benchmarks.startup [--times N]
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LONGEST_S = 60


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _start() -> tuple[float, float, float]:
    """Seconds until ready, seconds of CPU until then, and MB resident two seconds later."""
    port = _free_port()
    environment = {**os.environ, "GATEWAY_PORT": str(port), "GATEWAY_SCALE__API_KEY": "k", "GATEWAY_LOG_LEVEL": "error"}
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "gateway", "serve"], env=environment)
    try:
        while not _is_ready(f"http://127.0.0.1:{port}/readyz"):
            if process.poll() is not None or time.perf_counter() - began > _LONGEST_S:
                raise SystemExit("the gateway did not become ready")
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        stat = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        used = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        time.sleep(2)
        resident = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * _PAGE / 1e6
        return seconds, used, resident
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    runs = [_start() for _ in range(parser.parse_args().times)]
    seconds, used, resident = (statistics.median(column) for column in zip(*runs, strict=True))
    print("| ready after, s | CPU until then, s | resident, MB |\n|---:|---:|---:|")
    print(f"| {seconds:.2f} | {used:.2f} | {resident:.0f} |")


if __name__ == "__main__":
    main()
