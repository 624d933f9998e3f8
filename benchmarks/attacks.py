"""How long hostile requests take to be refused, against a real uvicorn. Writes the table that it prints to attacks.md.

.venv/bin/python -m benchmarks.attacks
"""

import gzip
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.gateway.endpoints.served import Served, served_gateway

ROUNDS = 7


def attacks() -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """What each is, its body, and headers beside the usual ones."""

    def document(text: str) -> bytes:
        return b'{"query": "' + text.encode() + b'"}'

    bomb = "{ ...F0 }" + "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    yield "fragment bomb, 40 levels", document(bomb + "fragment F40 on Query { __typename }"), {}
    yield "101 aliases", document("{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}"), {}
    yield "3000 aliases", document("{" + " ".join(f"a{n}: __typename" for n in range(3000)) + "}"), {}
    yield "10000 copies of a field", document("{" + " id" * 10_000 + "}"), {}
    yield "1900 copies of a field", document("{ backends {" + " backend" * 1900 + "}}"), {}
    yield "depth 60", document("{" + "a{" * 60 + "b" + "}" * 61), {}
    yield "depth 2000", document("{" + "a{" * 2000 + "b" + "}" * 2001), {}
    yield "800 nested lists", document("{ task(by: " + "[" * 800 + "]" * 800 + ") { id } }"), {}
    yield "fragment cycle", document("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"), {}
    yield "2000 directives on a field", document("{ __typename " + "@a " * 2000 + "}"), {}
    yield "1000 operations", document(" ".join(f"query Q{n} {{ __typename }}" for n in range(1000))), {}
    yield "3000 variables", document("query(" + " ".join(f"$v{n}: Int" for n in range(3000)) + ") { __typename }"), {}
    circular = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    yield "circular introspection", document(circular), {}
    yield "1 MB document", document("#" + "x" * 1_000_000), {}
    ids = b",".join(b'{"id": "x"}' for _ in range(10_000))
    lookup = b'{"query": "query($b: [TaskBy!]!) { lookupTasks(by: $b) { __typename } }", "variables": {"b": ['
    yield "10000 ids", lookup + ids + b"]}}", {}
    yield "20 MB body", b" " * 20_000_000, {}
    yield "gzip bomb", gzip.compress(b" " * 50_000_000), {"content-encoding": "gzip"}
    yield "100000 nested arrays", b"[" * 100_000 + b"]" * 100_000, {}
    yield "integer of 5000 digits", b'{"query": "{__typename}", "variables": {"n": ' + b"9" * 5000 + b"}}", {}
    yield "invalid UTF-8", b'{"query": "\xc3\x28"}', {}
    yield "10 unknown directives", document("{ __typename " + "@a " * 5 + "} " + "fragment F on Query @b { id }"), {}
    pages = " ".join(f"p{n}: tasks(first: 100) {{ nodes {{ history {{ __typename }} }} }}" for n in range(9))
    yield "9 pages of 100 with history", document("{ " + pages + " }"), {}
    yield "first: 1000000", document("{ tasks(first: 1000000) { nodes { id } } }"), {}
    yield "array of 1000 operations", b"[" + b",".join([b'{"query": "{__typename}"}'] * 1000) + b"]", {}


def measure(served: Served, rounds: int = ROUNDS) -> Iterator[tuple[str, int, str, list[float]]]:
    """Name, status, code and limit, and for each round the milliseconds from sending to the whole answer."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        for name, body, more in attacks():
            headers = {"content-type": "application/json", "accept": "application/graphql-response+json", **more}
            times = []
            for _ in range(rounds):
                started = time.perf_counter()
                response = client.post(served.url, content=body, headers=headers)
                times.append((time.perf_counter() - started) * 1000)
            extensions = response.json()["errors"][0]["extensions"]
            told = " ".join(str(extensions[key]) for key in ("code", "limit") if key in extensions)
            yield name, response.status_code, told, times


def main() -> None:
    """Prints and keeps the table; fails when an attack reached a backend, or the gateway no longer answers."""
    lines = ["| attack | status | answer | median ms | worst ms |", "| --- | --- | --- | ---: | ---: |"]
    with served_gateway(GATEWAY_PROFILE="production", GATEWAY_INTROSPECTION="true") as served:
        served.post("{ __typename }")
        for name, status, told, times in measure(served):
            lines.append(f"| {name} | {status} | {told} | {statistics.median(times):.1f} | {max(times):.1f} |")
        assert served.calls() == 0
        assert served.post("{ __typename }").json() == {"data": {"__typename": "Query"}}
    table = "\n".join(lines)
    print(table)
    Path(__file__).with_suffix(".md").write_text(
        f"# Hostile requests\n\nMedian and worst of {ROUNDS} rounds, client and server in one process "
        "of one shared machine; a worst round far above the median is one in which Python's collector ran. "
        f"`python -m benchmarks.attacks` renews this page.\n\n{table}\n"
    )


if __name__ == "__main__":
    main()
