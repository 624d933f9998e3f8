"""Operations that are counted, logged, traced and, above a bound, refused."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

from graphql import OperationType

from gateway.drain import Drain
from gateway.execution.operations import Answer, ContextFactory, Operations, PreparedOperation
from gateway.load import Load
from gateway.metrics import Metrics
from gateway.operation_log import OperationLog, OperationRecord
from gateway.refusals import Refusal
from gateway.tally import Tally, new_tally
from gateway.tracing import Tracing
from schema.context import Caller, Context

_INTERNAL: Answer = {"errors": [{"extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}


@dataclass(frozen=True)
class Observation:
    """Everyone who hears of operations. `clock` is a steady one, in seconds."""

    metrics: Metrics
    log: OperationLog
    load: Load
    drain: Drain
    tracing: Tracing
    clock: Callable[[], float] = time.perf_counter

    def refused(self, request_id: str, caller: str | None, code: str) -> None:
        """Hears of a request that was refused before execution."""
        self.metrics.count_refusal(code)
        if code == "OVERLOADED":
            self.log.shed()
        else:
            self.log.refused(request_id, caller, code)


class ObservedOperations(Operations):
    """Operations under observation: one tally, one line, one span and two numbers for each."""

    def __init__(self, *parts: Any, observation: Observation) -> None:
        super().__init__(*parts)
        self._observation = observation

    def kept(self, prepared: PreparedOperation, caller: Caller, request_id: str) -> bytes | None:
        watched = self._observation
        started = watched.clock()
        answer = super().kept(prepared, caller, request_id)
        if answer is not None:
            with watched.tracing.operation(prepared.type.value, prepared.operation.name, is_stream=False):
                seconds = watched.clock() - started
            self._tell(prepared, _record(prepared, caller, request_id, seconds))
        return answer

    async def run(self, prepared: PreparedOperation, context: Context) -> Answer:
        with self._observed(prepared, context) as heard:
            answer = await super().run(prepared, context)
            heard.count_errors(answer)
        return answer

    async def stream(self, prepared: PreparedOperation, make_context: ContextFactory) -> AsyncGenerator[Answer, None]:
        if prepared.type is not OperationType.SUBSCRIPTION:
            await self._observation.load.turn()
            with self._observation.load.place():
                answer = await self.run(prepared, make_context())
            yield answer
            return
        with (
            self._observed(prepared, make_context()) as heard,
            self._observation.metrics.subscriptions.track_inprogress(),
        ):
            async with aclosing(super().stream(prepared, make_context)) as answers:
                async for answer in self._until_leaving(answers):
                    heard.count_errors(answer)
                    yield answer

    async def _until_leaving(self, answers: AsyncGenerator[Answer, None]) -> AsyncGenerator[Answer, None]:
        """The answers, until they end or the process leaves: the listener is then told that it is over."""
        leaving: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        step: asyncio.Future[Answer | None] | None = None

        def leave() -> None:
            if not leaving.done():
                leaving.set_result(None)

        with self._observation.drain.listening(leave):
            try:
                while not leaving.done():
                    step = asyncio.ensure_future(anext(answers, None))
                    await asyncio.wait((step, leaving), return_when=asyncio.FIRST_COMPLETED)
                    if not step.done():
                        return
                    answer = step.result()
                    if answer is None:
                        return
                    yield answer
            finally:
                if step is not None and not step.done():
                    step.cancel()
                    await asyncio.wait({step})

    @contextmanager
    def _observed(self, prepared: PreparedOperation, context: Context) -> Iterator["_Heard"]:
        """Hears of what is executed; after a Refusal nothing was, and it is heard of where it is answered."""
        watched = self._observation
        tally, heard = new_tally(), _Heard(watched.metrics)
        started = watched.clock()
        is_stream = prepared.type is OperationType.SUBSCRIPTION
        try:
            with watched.tracing.operation(prepared.type.value, prepared.operation.name, is_stream=is_stream):
                yield heard
        except Refusal:
            raise
        except (GeneratorExit, asyncio.CancelledError):
            heard.was_left = not is_stream  # a listener goes whenever it likes
            self._note(prepared, context, heard, tally, watched.clock() - started)
            raise
        except BaseException:
            heard.count_errors(_INTERNAL)
            self._note(prepared, context, heard, tally, watched.clock() - started)
            raise
        self._note(prepared, context, heard, tally, watched.clock() - started)

    def _note(
        self, prepared: PreparedOperation, context: Context, heard: "_Heard", tally: Tally, seconds: float
    ) -> None:
        record = _record(prepared, context.caller, context.request_id, seconds)
        record.outcome, record.codes, record.calls = heard.outcome, tuple(heard.codes), tally.calls
        self._tell(prepared, record)

    def _tell(self, prepared: PreparedOperation, record: OperationRecord) -> None:
        watched = self._observation
        is_stream = prepared.type is OperationType.SUBSCRIPTION
        watched.metrics.ran(record.operation, record.type, record.outcome, None if is_stream else record.seconds)
        watched.log.write(record, prepared.operation.document, may_be_slow=not is_stream)


def _record(prepared: PreparedOperation, caller: Caller, request_id: str, seconds: float) -> OperationRecord:
    """Of an operation with which nothing was wrong, and which asked no backend."""
    return OperationRecord(
        request_id=request_id,
        caller=caller.name,
        operation=prepared.operation.name,
        type=prepared.type.value,
        outcome="ok",
        codes=(),
        seconds=seconds,
        cost=prepared.charge.cost,
        calls=0,
    )


class _Heard:
    """What came out of one operation."""

    def __init__(self, metrics: Metrics) -> None:
        self.codes: dict[str, None] = {}
        self.was_left = False
        self._metrics = metrics

    @property
    def outcome(self) -> str:
        """`ok`; `errors` where an answer had any; `left` where nobody waited for the answer."""
        return "left" if self.was_left else "errors" if self.codes else "ok"

    def count_errors(self, answer: Answer) -> None:
        """Counts the answer's errors by their codes."""
        for error in answer.get("errors", ()):
            code = str(error.get("extensions", {}).get("code"))
            self.codes[code] = None
            self._metrics.count_error(code)
