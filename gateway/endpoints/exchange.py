"""One HTTP request and its answer, in plain ASGI: Starlette's objects cost as much again as the server."""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from re import compile as compile_pattern

import orjson
from starlette.types import Message, Receive, Scope, Send

from gateway.endpoints import media
from gateway.endpoints.media import JSON
from gateway.endpoints.origins import HeaderList
from gateway.refusals import bad_request, refusal
from gateway.within import within

_REQUEST_ID = compile_pattern(r"[A-Za-z0-9._-]{1,128}")
_WANTED = {
    name.encode(): name
    for name in (
        "accept",
        "apollo-require-preflight",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "graphql-require-preflight",
        "host",
        "origin",
        "sec-fetch-site",
        "x-apollo-operation-name",
        "x-request-id",
    )
}
_LISTS = frozenset({"accept", "cache-control", "content-encoding"})
SECURITY_HEADERS: HeaderList = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]
# Seeded by the system; an id is no secret, and a secret one would cost a call of the system each time.
_IDS = random.Random()  # noqa: S311  as said above
_ANSWER_HEADERS: HeaderList = [*SECURITY_HEADERS, (b"cache-control", b"no-store"), (b"vary", b"Accept, Origin")]


def wanted_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that the endpoint looks at. Lists are joined, of others given twice the first counts; two
    credentials are none."""
    headers: dict[str, str] = {}
    for name, value in raw:
        wanted = _WANTED.get(name)
        if wanted is None:
            continue
        if wanted in headers:
            if wanted == "authorization":
                headers[wanted] = ""
            elif wanted in _LISTS:
                headers[wanted] += "," + value.decode("latin-1")
            continue
        headers[wanted] = value.decode("latin-1")
    return headers


def request_id(given: str | None) -> str:
    """The caller's own id where it is harmless in logs and headers, else a new one."""
    return given if given is not None and _REQUEST_ID.fullmatch(given) else f"{_IDS.getrandbits(128):032x}"


@dataclass(slots=True)
class Head:
    """What a request's headers say. `accepted` is the media type to answer with, None where there is none; `cors`
    are the headers for the page that asks, if any; with `no_cache` the client wants nothing stale.
    """

    headers: Mapping[str, str]
    accepted: str | None
    is_json: bool
    no_cache: bool
    cors: HeaderList
    answer_headers: HeaderList


def read_head(raw: Iterable[tuple[bytes, bytes]], cors_of: Callable[[str | None], HeaderList]) -> Head:
    """Everything that follows from the headers alone."""
    headers = wanted_headers(raw)
    accepted = media.preferred(headers.get("accept"))
    cors = cors_of(headers.get("origin"))
    return Head(
        headers=headers,
        accepted=accepted,
        is_json=media.is_json_body(headers.get("content-type")),
        no_cache="no-cache" in headers.get("cache-control", "").lower(),
        cors=cors,
        answer_headers=[_content_type(accepted or JSON), *_ANSWER_HEADERS, *cors],
    )


def _no_cors(_: str | None) -> HeaderList:
    return []


class Exchange:
    """What one request brought, and the way to answer it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, head: Head | None = None) -> None:
        self.scope = scope
        self.receive = receive
        self._send = send
        self.head = head or read_head(scope["headers"], _no_cors)
        self.headers = self.head.headers
        self.request_id = request_id(self.headers.get("x-request-id"))
        self.cors = self.head.cors
        self.caller_name: str | None = None
        self.started = False

    async def body(self, max_bytes: int, timeout_s: float) -> bytes:
        """The whole body. Raises a Refusal: 413 above `max_bytes`, 408 when it does not come in time."""
        declared = self.headers.get("content-length")
        if declared is not None and declared.isdigit() and int(declared[:20]) > max_bytes:
            raise _too_large(max_bytes)
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise bad_request("compressed bodies are not taken", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            # Most bodies have come with their head, and need no timer.
            return await within(asyncio.get_running_loop().time() + timeout_s, self._read(max_bytes))
        except TimeoutError:
            raise bad_request("the body did not come in time", HTTPStatus.REQUEST_TIMEOUT) from None

    async def _read(self, max_bytes: int) -> bytes:
        message = await self.receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
            return _whole(message, body)
        parts, size = [body], len(body)
        while message.get("more_body", False):
            if size > max_bytes:
                raise _too_large(max_bytes)
            message = await self.receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
        if size > max_bytes:
            raise _too_large(max_bytes)
        return _whole(message, b"".join(parts))

    async def answer(
        self,
        status: int,
        content: object,
        media_type: str = JSON,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Sends `content` as JSON."""
        body = orjson.dumps(content)
        await self.start(
            status,
            [
                _content_type(media_type),
                (b"content-length", str(len(body)).encode()),
                *((name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()),
            ],
        )
        await self._send({"type": "http.response.body", "body": body})

    async def answer_ready(self, body: bytes) -> None:
        """Sends JSON that is written already, in the media type that the client takes."""
        self.started = True
        await self._send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    *self.head.answer_headers,
                    (b"content-length", b"%d" % len(body)),
                    (b"x-request-id", self.request_id.encode()),
                ],
            }
        )
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: HeaderList) -> None:
        """Sends status and headers, our own among them."""
        self.started = True
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    *headers,
                    *_ANSWER_HEADERS,
                    (b"x-request-id", self.request_id.encode()),
                    *self.cors,
                ],
            }
        )

    async def send_part(self, body: bytes, *, more: bool) -> None:
        """Sends a part of a body that was started."""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


class ClientGoneError(Exception):
    """The client went away before it had said everything: there is nobody to answer."""


def _content_type(media_type: str) -> tuple[bytes, bytes]:
    return b"content-type", media_type.encode() + b"; charset=utf-8"


def _whole(last: Message, body: bytes) -> bytes:
    if last["type"] == "http.disconnect":
        raise ClientGoneError
    return body


def _too_large(max_bytes: int) -> Exception:
    return refusal(
        "TOO_COMPLEX",
        f"the body is larger than {max_bytes} bytes",
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        headers={"Connection": "close"},
        limit="body",
    )
