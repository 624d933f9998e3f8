"""Answers as server-sent events: graphql-sse, distinct connections."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

import orjson
import structlog
from starlette.types import Receive

from gateway.endpoints.exchange import Exchange
from gateway.endpoints.media import EVENT_STREAM
from gateway.execution.operations import Answer
from gateway.refusals import Refusal, refusal
from schema.context import Caller

_log = structlog.get_logger(__name__)

# Below the idle timeouts of common proxies (30 s and more).
_KEEP_ALIVE_S = 12.0
_COMPLETE = b"event: complete\ndata: \n\n"
_COMMENT = b":\n\n"


async def send_events(
    exchange: Exchange,
    answers: AsyncGenerator[Answer, None],
    caller: Caller,
    *,
    clock: Callable[[], float] = time.time,
    keep_alive_s: float = _KEEP_ALIVE_S,
) -> None:
    """Sends each answer as it comes, then `complete`. Ends when the client goes or its credentials expire."""
    await exchange.start(
        200,
        [(b"content-type", EVENT_STREAM.encode() + b"; charset=utf-8"), (b"x-accel-buffering", b"no")],
    )
    await exchange.send_part(_COMMENT, more=True)  # lets the client see that the stream is open
    gone = asyncio.create_task(_gone(exchange.receive))
    step = asyncio.ensure_future(anext(answers, None))
    try:
        while True:
            left_s = None if caller.expires_at is None else caller.expires_at - clock()
            if left_s is not None and left_s <= 0:
                await _send(exchange, _expired().payload(exchange.request_id))
                break
            wait_s = keep_alive_s if left_s is None else min(keep_alive_s, left_s)
            done, _ = await asyncio.wait({gone, step}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if gone in done:
                return
            if step not in done:
                await exchange.send_part(_COMMENT, more=True)
                continue
            answer = _outcome(step, exchange.request_id)
            if answer is None:
                break
            await _send(exchange, answer)
            step = asyncio.ensure_future(anext(answers, None))
        await exchange.send_part(_COMPLETE, more=False)
    finally:
        gone.cancel()
        step.cancel()
        await asyncio.wait({gone, step})
        await answers.aclose()


def _outcome(step: "asyncio.Future[Answer | None]", request_id: str) -> Answer | None:
    """The next answer; a refusal as an answer of errors; None at the end."""
    try:
        return step.result()
    except Refusal as refused:
        return refused.payload(request_id)
    except Exception as error:  # noqa: BLE001 - whatever it was, the client learns no more than this
        _log.error("unexpected error", request_id=request_id, exc_info=error)
        return refusal("INTERNAL_SERVER_ERROR", "Internal error").payload(request_id)


async def _send(exchange: Exchange, answer: Answer) -> None:
    await exchange.send_part(b"event: next\ndata: " + orjson.dumps(answer) + b"\n\n", more=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _expired() -> Refusal:
    return refusal("UNAUTHENTICATED", "the credentials have expired")
