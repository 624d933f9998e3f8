"""Operations: a request becomes an answer, or a stream of answers."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard, cast

import strawberry
from graphql import ExecutionResult, GraphQLError, OperationType
from graphql.execution import Executor, MiddlewareManager, create_source_event_stream
from orjson import Fragment
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution.costs import Charge
from gateway.execution.documents import Documents, Operation
from gateway.execution.errors import present
from gateway.execution.joining import Joining
from gateway.execution.judge import replaying
from gateway.execution.limits import Limits
from gateway.execution.persisted import OperationRequest, PersistedDocuments
from gateway.execution.plan import Bound, Outcomes, Plan, Planned
from gateway.execution.responses import KeptAnswers, data_of
from gateway.loaders import OperationLoader
from gateway.refusals import Refusal, refusal
from gateway.remembered import Remembered
from gateway.turns import Turns
from schema.context import Caller, Context

# What travels: data and errors, ready for orjson.
Answer: TypeAlias = dict[str, Any]
ContextFactory: TypeAlias = Callable[[], Context]

# Strawberry's quicker test, under the type graphql-core asks for.
_is_awaitable = cast("Callable[[Any], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)
_NO_VARIABLES: Mapping[str, Any] = {}


# Requests that came as they came before. Each may be the last to hold its document, which takes fifty times its text.
_MOST_RECALLED = 2000
_MOST_RECALLED_BYTES = 64 * 1024 * 1024
_BYTES_A_CHARACTER = 50


@dataclass(slots=True)
class PreparedOperation:
    """An operation that may run, with its variables as the client sent them, and what it was charged.

    Without `bound` graphql-core runs it. `is_lasting`: the same request may run again with nothing asked anew.
    """

    operation: Operation
    variables: Mapping[str, Any]
    charge: Charge
    bound: Bound | None
    is_lasting: bool

    @property
    def type(self) -> OperationType:
        return self.operation.type


class Operations:
    """Prepares and runs operations on one schema.

    graphql-core runs the parsed document directly. Strawberry's own `execute` would parse and validate again, and
    make its extensions anew for each request.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        documents: Documents,
        persisted: PersistedDocuments,
        limits: Limits,
        answers: KeptAnswers | None = None,
    ) -> None:
        """Without `answers` none is kept."""
        self._schema = schema._schema
        self._documents = documents
        self._persisted = persisted
        self._limits = limits
        self._answers = answers
        self._joining = Joining()
        # Subscriptions begin, and are told something, by turns: they come in thousands at a time.
        self.turns = Turns()
        # The common request brings its own text and needs no store.
        self._takes_any_text = not persisted.only_trusted
        self._recalled: Remembered[bytes, PreparedOperation] = Remembered(_MOST_RECALLED, _MOST_RECALLED_BYTES)

    def recall(self, body: bytes) -> PreparedOperation | None:
        """What the same body was prepared as before; None where it has to be prepared."""
        return self._recalled.get(body)

    def remember(self, body: bytes, prepared: PreparedOperation) -> None:
        """For `recall`, where the request may be answered without looking at it again, and has come before."""
        if prepared.is_lasting and prepared.bound is not None and prepared.bound.comes_again:
            self._recalled.keep(body, prepared, _BYTES_A_CHARACTER * len(body))

    def kept(self, prepared: PreparedOperation, caller: Caller, request_id: str) -> bytes | None:
        """The whole answer as JSON, where it is kept and still holds for this caller; asks for nothing fresher."""
        bound = prepared.bound
        if bound is None or self._answers is None:
            return None
        return self._answers.get(bound.shelf, caller.scopes)

    async def prepare(self, request: OperationRequest) -> PreparedOperation:
        """The operation that `request` names, inside every limit. Raises a Refusal."""
        text = request.query
        is_lasting = not self._limits.values.warn_only
        if text is None or request.persisted_hash is not None or not self._takes_any_text:
            text = await self._persisted.text_of(request)
            document = self._documents.get(text)
            await self._persisted.remember(request)
            is_lasting = False
        else:
            document = self._documents.get(text)
        operation = document.operation(request.operation_name)
        variables = request.variables or _NO_VARIABLES
        charge = self._checked(operation, variables)
        bound = None if operation.plan is None else operation.plan.bind(variables)
        return PreparedOperation(operation, variables, charge, bound, is_lasting)

    def _checked(self, operation: Operation, variables: Mapping[str, Any]) -> Charge:
        limits = self._limits.values
        charge = operation.cost.charge(variables)
        if charge.calls > limits.calls:
            self._limits.exceeded("backendCalls", charge.calls, limits.calls)
        if charge.cost > limits.cost:
            self._limits.exceeded("cost", charge.cost, limits.cost)
        if len(variables) > limits.variables:
            self._limits.exceeded("variables", len(variables), limits.variables)
        operation.lists.check(variables)
        return charge

    async def run(self, prepared: PreparedOperation, context: Context) -> Answer:
        """The answer of a query or mutation. Raises a Refusal when its variables do not fit."""
        outcomes: Outcomes = {}
        plan, bound = prepared.operation.plan, prepared.bound
        if plan is not None and bound is not None:
            planned = await self._planned(plan, bound, context)
            if isinstance(planned, Fragment):
                return {"data": planned}
            outcomes = planned
        result = self._executor(prepared, context, replaying(outcomes)).execute_operation()
        if not isinstance(result, ExecutionResult):
            result = await cast("Awaitable[ExecutionResult]", result)
        return _answer(result, context.request_id)

    async def subscribe(
        self, prepared: PreparedOperation, make_context: ContextFactory
    ) -> AsyncGenerator[Answer, None]:
        """An answer for each event, each with a Context of its own: loaders must not remember older states.

        Raises a Refusal when the variables do not fit, or when the subscription itself is refused.
        """
        await self.turns.take()
        context = make_context()
        executor = self._executor(prepared, context)
        source = create_source_event_stream(executor)
        if not isinstance(source, ExecutionResult) and not hasattr(source, "__aiter__"):
            source = await cast("Awaitable[Any]", source)
        if isinstance(source, ExecutionResult):
            raise _refused(source.errors or [], context.request_id)
        events = cast("AsyncIterator[Any]", source)
        try:
            async for event in events:
                await self.turns.take()
                yield await self._event_answer(executor, event, make_context())
        finally:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()

    async def stream(self, prepared: PreparedOperation, make_context: ContextFactory) -> AsyncGenerator[Answer, None]:
        """One answer for a query or mutation, many for a subscription."""
        if prepared.type is OperationType.SUBSCRIPTION:
            async with aclosing(self.subscribe(prepared, make_context)) as answers:
                async for answer in answers:
                    yield answer
        else:
            yield await self.run(prepared, make_context())

    async def _event_answer(self, executor: "Executor[Any]", event: object, context: Context) -> Answer:
        one = executor.build_per_event_executor(event)
        one.context_value = context
        result = one.execute_operation(False)
        if not isinstance(result, ExecutionResult):
            result = await cast("Awaitable[ExecutionResult]", result)
        return _answer(result, context.request_id)

    async def _planned(self, plan: Plan, bound: Bound, context: Context) -> Fragment | Outcomes:
        loader = context.tasks if isinstance(context.tasks, OperationLoader) else None
        if loader is not None and bound.depends_on_tasks:
            loader.asks_once = bound.root.asks_once  # such a field asks the loader for all its tasks in one go
        answers = self._answers if bound.depends_on_tasks and not context.no_cache else None
        if answers is None:
            planned = await plan.attempt(bound, context)
            return planned.data if isinstance(planned, Planned) else planned
        scopes = context.caller.scopes
        text = answers.get(bound.shelf, scopes)
        if text is None and await self._joining.wait(bound.shelf, scopes, context.deadline):
            text = answers.get(bound.shelf, scopes)
        if text is not None:
            return data_of(text)
        with self._joining.executing(bound.shelf, scopes, context.deadline):
            mark = answers.mark
            planned = await plan.attempt(bound, context)
            if not isinstance(planned, Planned):
                return planned
            if loader is not None and planned.is_whole and bound.comes_again:
                loaded = loader.cached_entries
                if loaded is not None:
                    answers.keep(bound.shelf, scopes, planned.text, loaded, mark if loader.has_found else answers.mark)
        return planned.data

    def _executor(
        self, prepared: PreparedOperation, context: Context, middleware: MiddlewareManager | None = None
    ) -> "Executor[Any]":
        operation = prepared.operation
        executor = StrawberryGraphQLCoreExecutionContext.build(
            self._schema,
            operation.document,
            context_value=context,
            raw_variable_values=dict(prepared.variables),
            operation_name=operation.name,
            max_coercion_errors=self._limits.values.errors,
            middleware=middleware,
            is_awaitable=_is_awaitable,
            hide_suggestions=not self._limits.explains,
        )
        if isinstance(executor, list):
            raise self._unfit(executor)
        return executor

    def _unfit(self, errors: list[GraphQLError]) -> Refusal:
        return Refusal(
            [
                {**error.formatted, "extensions": {"code": "BAD_USER_INPUT"}}
                for error in errors[: self._limits.values.errors]
            ],
            lenient=True,
        )


def not_streamable() -> Refusal:
    """A subscription was asked for over a way that carries one answer only."""
    return refusal(
        "BAD_USER_INPUT",
        "a subscription needs Accept: text/event-stream, or a WebSocket",
        status=406,
    )


def _answer(result: ExecutionResult, request_id: str) -> Answer:
    if result.errors:
        return {"errors": [present(error, request_id) for error in result.errors], "data": result.data}
    return {"data": result.data}


def _refused(errors: list[GraphQLError], request_id: str) -> Refusal:
    return Refusal([present(error, request_id) for error in errors], status=200)
