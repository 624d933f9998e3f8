"""Operations that are counted, logged, traced and, above a bound, refused."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self

from graphql import OperationType

from gateway.drain import Drain
from gateway.execution.operations import Answer, ContextFactory, Operations, PreparedOperation
from gateway.load import Load
from gateway.metrics import Metrics
from gateway.operation_log import OperationLog, OperationRecord
from gateway.operation_names import told
from gateway.refusals import Refusal
from gateway.tally import new_tally
from gateway.tracing import Tracing
from schema.context import Caller, Context

_INTERNAL: Answer = {"errors": [{"extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}
_CUT_OFF: Answer = {"errors": [{"extensions": {"code": "OVERLOADED"}}]}


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
            with watched.tracing.operation(prepared.type.value, told(prepared.operation.name), is_stream=False):
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

    def _observed(self, prepared: PreparedOperation, context: Context) -> "_Observed":
        return _Observed(self._observation, prepared, context, self._tell)

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
        operation=told(prepared.operation.name),
        type=prepared.type.value,
        outcome="ok",
        codes=(),
        seconds=seconds,
        cost=prepared.charge.cost,
        calls=0,
    )


class _Observed:
    """Around one operation: hears of what is executed.

    After a Refusal nothing was, and it is heard of where it is answered.
    """

    def __init__(
        self,
        watched: Observation,
        prepared: PreparedOperation,
        context: Context,
        tell: Callable[[PreparedOperation, OperationRecord], None],
    ) -> None:
        self._watched = watched
        self._prepared = prepared
        self._context = context
        self._tell = tell
        self._codes: dict[str, None] = {}
        self._is_stream = prepared.type is OperationType.SUBSCRIPTION

    def __enter__(self) -> Self:
        prepared, watched = self._prepared, self._watched
        self._tally = new_tally()
        self._started = watched.clock()
        self._span = watched.tracing.operation(
            prepared.type.value, told(prepared.operation.name), is_stream=self._is_stream
        )
        self._span.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._span.__exit__(kind, error, trace)
        if isinstance(error, Refusal):
            return
        was_left = False
        if isinstance(error, asyncio.CancelledError) and self._watched.drain.is_over and not self._is_stream:
            self.count_errors(_CUT_OFF)
        elif isinstance(error, GeneratorExit | asyncio.CancelledError):
            was_left = not self._is_stream  # a listener goes whenever it likes
        elif error is not None:
            self.count_errors(_INTERNAL)
        context = self._context
        record = _record(self._prepared, context.caller, context.request_id, self._watched.clock() - self._started)
        # `left` where nobody waited for the answer.
        record.outcome = "left" if was_left else "errors" if self._codes else "ok"
        record.codes, record.calls = tuple(self._codes), self._tally.calls
        self._tell(self._prepared, record)

    def count_errors(self, answer: Answer) -> None:
        """Counts the answer's errors by their codes."""
        if "errors" not in answer:
            return
        for error in answer["errors"]:
            code = str(error.get("extensions", {}).get("code"))
            self._codes[code] = None
            self._watched.metrics.count_error(code)
