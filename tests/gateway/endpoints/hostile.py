"""Hostile requests, made up at random from a seed: bodies, headers, methods and paths no client would send."""

import json
import random
from dataclasses import dataclass

QUERY = "{ backends { backend } }"
_BODIES = (
    b"",
    b"null",
    b"{}",
    b"[]",
    b'"',
    b"\x00",
    b"\xff\xfe\x00",
    b'{"query": "{__typename}"}',
    b'{"query": "{ backends { backend } }", "variables": {"a": 1}}',
    b'{"query": "query($b: [TaskBy!]!) { lookupTasks(by: $b) { __typename } }", "variables": {"b": [{"id": "x"}]}}',
    b'{"query": "{ task(by: {scaleTaskId: \\"../../admin\\"}) { id } }"}',
    b'{"query": "subscription { __typename }"}',
    b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "' + b"a" * 64 + b'"}}}',
    b"[" * 2000,
    b'{"a":' * 1000,
)
_MEDIA = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "",
    "a/b;c",
    "multipart/form-data",
    "*/*",
)
_ACCEPT = (
    "*/*",
    "application/json",
    "application/graphql-response+json",
    "text/event-stream",
    "text/html",
    "q=1",
    ",;,",
    "a/b;q=x",
    "application/json;q=0.0001",
)
_NAMES = (
    "authorization",
    "x-request-id",
    "origin",
    "sec-fetch-site",
    "cache-control",
    "content-encoding",
    "x-forwarded-for",
)
_VALUES = ("", "Bearer", "Bearer x", "null", "http://[", "a" * 500, "gzip", "cross-site", "%00", "é", "no-cache")
_PIECES = ("query=%7B__typename%7D", "query=", "query=%ff", "variables=%7B", "variables=[]", "a", "&&", "=", "%")
_METHODS = ("POST", "POST", "POST", "POST", "GET", "OPTIONS", "PUT", "HEAD", "DELETE", "TRACE")


@dataclass(frozen=True)
class HostileRequest:
    """One request, ready for the wire."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def hostile_request(chance: random.Random) -> HostileRequest:
    """The next one of this chance's."""
    headers = [(b"content-type", chance.choice(_MEDIA).encode()), (b"accept", chance.choice(_ACCEPT).encode())]
    if chance.random() < 0.8:
        headers[0] = (b"content-type", b"application/json")
    headers += [
        (chance.choice(_NAMES).encode(), chance.choice(_VALUES).encode("latin-1")) for _ in range(chance.randrange(3))
    ]
    method = chance.choice(_METHODS)
    return HostileRequest(method, "/graphql" + _parameters(chance), tuple(headers), _body(chance))


def _body(chance: random.Random) -> bytes:
    body = bytearray(chance.choice(_BODIES))
    kind = chance.random()
    if kind < 0.4 and body:
        for _ in range(chance.randrange(1, 6)):
            body[chance.randrange(len(body))] = chance.randrange(256)
    elif kind < 0.6:
        body = bytearray(json.dumps(_value(chance, 0)).encode())
    elif kind < 0.7:
        body += bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
    return bytes(body)


def _value(chance: random.Random, depth: int) -> object:
    if depth > 3 or chance.random() < 0.3:
        return chance.choice([None, True, 0, -1, 2**70, 1e308, "", QUERY, "{", "\ud800", "\u0000", "車両"])
    if chance.random() < 0.3:
        return [_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    names = ("query", "variables", "operationName", "extensions", "documentId", "persistedQuery", "a")
    return {chance.choice(names): _value(chance, depth + 1) for _ in range(chance.randrange(5))}


def _parameters(chance: random.Random) -> str:
    return "" if chance.random() < 0.7 else "?" + "&".join(chance.choice(_PIECES) for _ in range(chance.randrange(4)))
