"""Breaking an HTTP connection from inside an ASGI application.

ASGI has no message for it. Behind uvicorn the socket is reached through the object that `send` belongs to; in
process, where there is no socket, the client's own exception is raised instead.
"""

from asyncio import WriteTransport

import httpx
from starlette.types import Message, Receive, Send


class ConnectionDroppedError(httpx.RemoteProtocolError, ConnectionResetError):
    """What an in-process client meets where a real one would meet a closed connection."""

    def __init__(self) -> None:
        super().__init__("Server disconnected without sending a response.")


async def read_body(receive: Receive) -> bytes | None:
    """The whole request body, or None when the client went away while sending it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def drop(receive: Receive, send: Send) -> None:
    """Closes the client's connection at once, without an answer.

    Raises ConnectionDroppedError where the client is in this process.
    """
    transport = _socket_of(send)
    if transport is None:
        raise ConnectionDroppedError
    transport.abort()
    await _until_gone(receive)


async def halve(messages: list[Message], receive: Receive, send: Send) -> None:
    """Sends the head of the answer and the first half of its body, then closes the connection.

    In process the answer just ends there, its `Content-Length` promising more.
    """
    start = next(message for message in messages if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in messages if message is not start)
    transport = _socket_of(send)
    await send(start)
    await send(
        {
            "type": "http.response.body",
            "body": body[: len(body) // 2],
            "more_body": transport is not None,
        }
    )
    if transport is not None:
        transport.close()
        await _until_gone(receive)


def _socket_of(send: Send) -> WriteTransport | None:
    # Found by its attribute, not its class: uvloop's transports do not derive from asyncio's.
    transport: WriteTransport | None = getattr(getattr(send, "__self__", None), "transport", None)
    return transport


async def _until_gone(receive: Receive) -> None:
    """Waits for the server to notice, which otherwise logs an unfinished answer as an error."""
    while (await receive())["type"] != "http.disconnect":
        pass
