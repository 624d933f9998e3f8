"""The way to a backend: deadline, retries, circuit, concurrency, rate, size limit, and foreign exceptions made ours.

The only user of httpx.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx
import orjson

from gateway.backends.base import CallObserver, NotSentError
from gateway.backends.circuit import Admission, Verdict
from gateway.backends.connections import (
    BrokenAnswerError,
    HttpAnswer,
    LostError,
    OversizedAnswerError,
    UnreadableAnswerError,
    WireError,
)
from gateway.backends.deadlines import ENDS_AT, Deadline, time_left_s
from gateway.backends.guard import Guard
from gateway.backends.slots import Slots
from gateway.backends.sockets import SocketCarrier
from gateway.begun import begun
from gateway.tracing import CallTracing, NoTracing
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError

MAX_ANSWER_BYTES = 20 * 1024 * 1024

T = TypeVar("T")

# An event loop's timers may fire this much early.
_TIMER_SLACK_S = 0.005

# What carries requests: real sockets, or a sandbox in process.
Wire: TypeAlias = httpx.AsyncBaseTransport


_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Call(NamedTuple):
    """One request to a backend. `endpoint` names its class for metrics: "GET /task/{id}".

    `path` is percent-encoded already and is appended to the base URL. `body` is sent as JSON whenever it is not None;
    bytes are JSON already and are sent as they are.
    `may_repeat` says that sending it twice is harmless.
    """

    endpoint: str
    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: object = None
    headers: Mapping[str, str] = _NO_HEADERS
    may_repeat: bool = True


class Answer(NamedTuple):
    """What came back: any status, the whole body."""

    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(frozen=True)
class Limits:
    """How long one read may take with all its tries, how long connecting may, and how many calls run at once."""

    timeout_s: float = 10.0
    connect_timeout_s: float = 3.0
    max_concurrency: int = 64


class BackendTransport:
    """Sends calls to one backend. Made once in the lifespan and closed by it.

    `sign` gives the credentials' headers anew for each try. `wire` replaces the sockets: the sandbox in process, or
    a test's own. `guard` decides on retries, circuit and rate. `tracing` hears of each try.
    """

    def __init__(
        self,
        backend: Backend,
        base_url: str,
        *,
        sign: Callable[[], Mapping[str, str]],
        observer: CallObserver,
        limits: Limits | None = None,
        wire: Wire | None = None,
        guard: Guard | None = None,
        tracing: CallTracing | None = None,
    ) -> None:
        self.backend = backend
        self._limits = limits or Limits()
        self._base_url = base_url
        self._base_path = urlsplit(base_url).path.rstrip("/")
        self._name = backend.name
        self._sign = sign
        self._signed: Mapping[str, str] = _NO_HEADERS
        self._plain_headers: Mapping[str, str] = _NO_HEADERS
        self._observer = observer
        self._guard = guard or Guard()
        self._tracing = tracing or NoTracing()
        self._slots = Slots(self._limits.max_concurrency)
        self._carrier = _carrier(base_url, self._limits, wire)

    async def aclose(self) -> None:
        await self._carrier.aclose()

    def deadline(self, *, ends_at: float | None = None, share: float = 1.0) -> AbstractAsyncContextManager[None]:
        """What happens inside ends within `timeout_s`. Raises GatewayError BACKEND_TIMEOUT otherwise.

        Inside another deadline the earlier one holds. `ends_at`, on the event loop's clock, and `share`, of the time
        that is left, make it end earlier.
        """
        return Deadline(partial(self._end_of, ends_at=ends_at, share=share), self._too_late)

    def _end_of(self, now: float, ends_at: float | None = None, share: float = 1.0) -> float:
        """When a deadline that begins now ends. Raises NotSentError where that is over already."""
        end = now + self._limits.timeout_s
        outer = ENDS_AT.get()
        if outer is not None and outer < end:
            end = outer
        if ends_at is not None and ends_at < end:
            end = ends_at
        end = now + (end - now) * share
        if end <= now:
            raise self._over_before()
        return end

    def _too_late(self) -> GatewayError:
        """The failure of a call whose time was over before its answer came."""
        return self._failure(ErrorCode.BACKEND_TIMEOUT, "did not answer in time")

    @property
    def timeout_s(self) -> float:
        """How long one read or write may take with all its tries."""
        return self._limits.timeout_s

    async def send(self, call: Call, read: Callable[[Answer], T]) -> T:
        """What `read` makes of the answer. A call that may repeat is tried again where its failure may pass.

        Raises GatewayError: BACKEND_TIMEOUT, BACKEND_UNAVAILABLE, BACKEND_BAD_RESPONSE, or what `read` raises; of
        these NotSentError when nothing was sent.
        """
        async with self.deadline():
            return await self._tries(call, read)

    async def send_together(self, calls: Sequence[tuple[Call, Callable[[Answer], T]]]) -> list[T | GatewayError]:
        """What `send` leads to for each, side by side: failures are values. Ends when all have ended, cancelled or not.

        They begin at the same time, so that one deadline is everybody's.
        """
        loop = asyncio.get_running_loop()
        outer = ENDS_AT.get()
        try:
            end = self._end_of(loop.time())
        except NotSentError:
            return [self._over_before() for _ in calls]
        token = ENDS_AT.set(end)  # each task's context is a copy of this one
        tasks = [self._begun(call, read) for call, read in calls]
        ENDS_AT.reset(token)
        is_late = False

        def expire() -> None:
            nonlocal is_late
            is_late = True
            for task in tasks:
                task.cancel()

        timer = None if outer is not None and outer <= end else loop.call_at(end, expire)
        try:
            results = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            if timer is not None:
                timer.cancel()
        return [self._outcome(result, is_late=is_late) for result in results]

    def _begun(self, call: Call, read: Callable[[Answer], T]) -> "asyncio.Future[T]":
        sending = self._tries(call, read)
        # A new connection is opened within a time limit of its own, which only a task can have.
        return begun(sending) if self._carrier.begins_at_once else asyncio.get_running_loop().create_task(sending)

    def _outcome(self, result: T | BaseException, *, is_late: bool) -> T | GatewayError:
        if is_late and isinstance(result, asyncio.CancelledError):
            return self._too_late()
        if isinstance(result, BaseException) and not isinstance(result, GatewayError):
            raise result
        return result

    async def _tries(self, call: Call, read: Callable[[Answer], T]) -> T:
        self._guard.first_try()
        failure: GatewayError | None = None
        tries = 0
        while True:
            try:
                return await self._try(call, read)
            except NotSentError as refusal:
                # After a try that was sent, how that one failed is the answer.
                raise failure or refusal from None
            except GatewayError as error:
                failure = error
            tries += 1
            delay_s = self._guard.next_delay_s(failure, tries, time_left_s()) if call.may_repeat else None
            if delay_s is None:
                raise failure
            await self._guard.sleep(delay_s)

    async def _try(self, call: Call, read: Callable[[Answer], T]) -> T:
        guard = self._guard
        if guard.circuit.refuses:  # before waiting for a slot that calls to a hanging backend hold
            raise self._not_asked()
        wait_s = guard.rate.reserve(time_left_s())
        if wait_s is None:
            what = "has no turn left within the gateway's own limit of calls"
            raise self._not_sent(ErrorCode.BACKEND_RATE_LIMITED, what, None)
        if wait_s > 0:
            await guard.sleep(wait_s)
        if not self._slots.take():
            await self._slots.wait()
        try:
            admission = guard.circuit.admit()
            if admission is None:
                raise self._not_asked()
            return await self._send_admitted(call, read, admission)
        finally:
            self._slots.give_back()

    async def _send_admitted(self, call: Call, read: Callable[[Answer], T], admission: Admission) -> T:
        started = time.perf_counter()
        failure: ErrorCode | None = None
        verdict = Verdict.SUCCESS
        try:
            with self._tracing.call(self._name, call.endpoint, self._base_url) as trace:
                target, headers, body = self._request(call, trace)
                try:
                    answer = await self._carrier.exchange(
                        call.method, target, headers, body, may_repeat=call.may_repeat
                    )
                except (WireError, OSError) as exc:
                    raise self._translated(exc) from exc
                return read(Answer(answer.status, answer.body, answer.headers.get("retry-after")))
        except GatewayError as error:
            failure = error.code
            verdict = Verdict.FAILURE if error.retryable else Verdict.SUCCESS
            raise
        except asyncio.CancelledError:
            # Because its time is up, or because whoever asked went away: that is not the backend's fault.
            verdict = Verdict.FAILURE if time_left_s() <= _TIMER_SLACK_S else Verdict.CANCELLED
            failure = ErrorCode.BACKEND_TIMEOUT
            raise
        finally:
            self._guard.circuit.report(admission, verdict)
            if verdict is not Verdict.CANCELLED:
                self._observer.called(self.backend, call.endpoint, failure, time.perf_counter() - started)

    def _translated(self, exc: WireError | OSError) -> GatewayError:
        match exc:
            case UnreadableAnswerError():
                return self._failure(ErrorCode.BACKEND_BAD_RESPONSE, "sent an unreadable answer", exc)
            case OversizedAnswerError():
                return self._failure(ErrorCode.BACKEND_BAD_RESPONSE, "sent an answer over 20 MB", exc)
            case BrokenAnswerError():
                return self._failure(ErrorCode.BACKEND_BAD_RESPONSE, "sent a broken answer", exc)
            case TimeoutError():
                return self._failure(ErrorCode.BACKEND_TIMEOUT, "did not answer in time", exc)
        return self._failure(ErrorCode.BACKEND_UNAVAILABLE, "could not be reached", exc)

    def _request(self, call: Call, trace: Mapping[str, str]) -> tuple[str, Mapping[str, str], bytes | None]:
        target = self._base_path + call.path
        if call.query:
            target += "?" + urlencode(call.query, quote_via=quote, safe="")
        if call.body is None:
            return target, self._headers(call, trace), None
        headers = {**self._headers(call, trace), "content-type": "application/json"}
        return target, headers, call.body if isinstance(call.body, bytes) else orjson.dumps(call.body)

    def _headers(self, call: Call, trace: Mapping[str, str]) -> Mapping[str, str]:
        """The same object as for the last call, where its credentials are the same object and nothing is added."""
        signed = self._sign()
        if call.headers or trace:
            return {"accept": "application/json", **call.headers, **trace, **signed}
        if signed is not self._signed:
            self._signed = signed
            self._plain_headers = MappingProxyType({"accept": "application/json", **signed})
        return self._plain_headers

    def _over_before(self) -> NotSentError:
        return self._not_sent(ErrorCode.BACKEND_TIMEOUT, "was not asked: the time for it was over before", None)

    def _not_asked(self) -> NotSentError:
        what = "is not asked for the moment, as its latest calls failed"
        return self._not_sent(ErrorCode.BACKEND_UNAVAILABLE, what, self._guard.circuit.probes_in_s or None)

    def _not_sent(self, code: ErrorCode, what: str, retry_after_s: float | None) -> NotSentError:
        message = f"{self.backend.name} {what}"
        return NotSentError(code, message, backend=self.backend, retry_after_s=retry_after_s, log_detail="not sent")

    def _failure(self, code: ErrorCode, what: str, exc: Exception | None = None) -> GatewayError:
        return GatewayError(
            code, f"{self.backend.name} {what}", backend=self.backend, log_detail=type(exc).__name__ if exc else ""
        )


def in_process(app: Any) -> Wire:
    """A wire that ends in an ASGI app of this process: every line of a client runs, no socket is opened."""
    return httpx.ASGITransport(app)


def path_segment(text: str) -> str:
    """`text` as one segment of a path, so that it names exactly itself: "a/b" is "a%2Fb", ".." is "%2E%2E"."""
    encoded = quote(text, safe="")
    return encoded.replace(".", "%2E") if encoded in (".", "..") else encoded


def _carrier(base_url: str, limits: Limits, wire: Wire | None) -> "_Carrier":
    if wire is not None:
        return _WireCarrier(base_url, wire)
    return SocketCarrier(base_url, connect_timeout_s=limits.connect_timeout_s, max_answer_bytes=MAX_ANSWER_BYTES)


class _Carrier(Protocol):
    @property
    def begins_at_once(self) -> bool: ...

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, may_repeat: bool
    ) -> Awaitable[HttpAnswer]: ...

    async def aclose(self) -> None: ...


class _WireCarrier:
    """Carries requests over an httpx transport: a sandbox in this process, or a test's own."""

    begins_at_once = False

    def __init__(self, base_url: str, wire: Wire) -> None:
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._client = httpx.AsyncClient(transport=wire, trust_env=False, timeout=None)  # noqa: S113  `deadline` ends it

    async def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, may_repeat: bool
    ) -> HttpAnswer:
        request = self._client.build_request(method, self._origin + target, headers=dict(headers), content=body)
        try:
            response = await self._client.send(request, stream=True)
            try:
                return HttpAnswer(response.status_code, response.headers, await _body(response))
            finally:
                await response.aclose()
        except httpx.DecodingError as exc:
            raise UnreadableAnswerError(str(exc)) from exc
        except httpx.TimeoutException as exc:
            raise TimeoutError from exc
        except httpx.HTTPError as exc:
            raise LostError(str(exc)) from exc

    async def aclose(self) -> None:
        await self._client.aclose()


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise OversizedAnswerError
    return bytes(body)


async def fetch_document(url: str, timeout_s: float = 5.0, max_bytes: int = 1024 * 1024) -> bytes:
    """A small public document, such as an issuer's keys, over a connection of its own that carries no credentials.

    Raises OSError or httpx.HTTPError when it cannot be had inside `timeout_s`, or is larger than `max_bytes`.
    """
    async with (
        asyncio.timeout(timeout_s),
        httpx.AsyncClient(trust_env=False, follow_redirects=False) as client,
        client.stream("GET", url, headers={"accept": "application/json"}) as response,
    ):
        response.raise_for_status()
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > max_bytes:
                raise OSError(f"the document is larger than {max_bytes} bytes")
        return bytes(body)
