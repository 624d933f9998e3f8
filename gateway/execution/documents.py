"""Documents: from text to an operation that is parsed, validated, analysed and kept."""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.execution.analysis import DirectiveUse, NestedTooDeeplyError, Structure, analyse
from gateway.execution.costs import CostTable, OperationCost
from gateway.execution.limits import Limits
from gateway.execution.lists import VariableLists
from gateway.execution.plan import Plan, Plans
from gateway.execution.tokens import has_more_tokens
from gateway.refusals import FormattedError, Refusal, refusal

_BAD_VALUE = "BAD_USER_INPUT"
# Python's own words, and all those digits.
_TOO_MANY_DIGITS = re.compile(r", but encountered error 'Exceeds the limit .*", re.DOTALL)
_SUGGESTION = re.compile(r" Did you mean .*\?$", re.DOTALL)


class _Values(ValuesOfCorrectTypeRule):
    """The standard rule; its errors concern values, not the document's shape."""

    def report_error(self, error: GraphQLError) -> None:
        super().report_error(_concerning_a_value(error))


class _OneOf(OneOfInputValidationRule):
    def report_error(self, error: GraphQLError) -> None:
        super().report_error(_concerning_a_value(error))


def _concerning_a_value(error: GraphQLError) -> GraphQLError:
    error.extensions = {"code": _BAD_VALUE}
    error.message = _TOO_MANY_DIGITS.sub(", found a number of too many digits.", error.message)
    return error


# Strawberry's rule on nulls is not among them: only @oneOf inputs have what it looks at, and _OneOf refuses null there.
_RULES = (
    *(_Values if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules),
    _OneOf,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document that has passed validation and every limit that does not depend on variables.

    Without a `plan` graphql-core runs it.
    """

    document: DocumentNode
    node: OperationDefinitionNode
    cost: OperationCost
    lists: VariableLists
    plan: Plan | None

    @property
    def type(self) -> OperationType:
        return self.node.operation

    @property
    def name(self) -> str | None:
        return None if self.node.name is None else self.node.name.value


class Document:
    """A valid document's operations, by name."""

    def __init__(self, operations: Mapping[str | None, Operation]) -> None:
        self._operations = operations
        self._only = next(iter(operations.values())) if len(operations) == 1 else None

    def operation(self, name: str | None) -> Operation:
        """The one asked for. Raises a Refusal OPERATION_RESOLUTION_FAILURE where the choice is not plain."""
        if name is None:
            if self._only is None:
                raise _no_operation("the document holds several operations: say which with operationName")
            return self._only
        operation = self._operations.get(name)
        if operation is None:
            raise _no_operation(f"the document has no operation named {name[:100]!r}")
        return operation


class Documents:
    """Valid documents by their text, least recently used out first.

    Bounded by number and by the characters of their texts: a parsed document takes some fifty times its text.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        allows_introspection: bool,
        plans: Plans | None = None,
        max_documents: int = 1000,
        max_characters: int = 2_000_000,
    ) -> None:
        self._schema = schema
        self._plans = plans
        self._costs = CostTable(schema)
        self._limits = limits
        self._hides_suggestions = not limits.explains
        self._rules = _RULES if allows_introspection else (*_RULES, NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0
        self._max_documents = max_documents
        self._max_characters = max_characters

    def get(self, text: str) -> Document:
        """The document, parsed at most once while it is kept. Raises a Refusal that says why it cannot run."""
        document = self._kept.get(text)
        if document is None:
            document = self._prepare(text)
            self._keep(text, document)
        else:
            self._kept.move_to_end(text)
        return document

    def _keep(self, text: str, document: Document) -> None:
        self._kept[text] = document
        self._characters += len(text)
        while len(self._kept) > self._max_documents or self._characters > self._max_characters:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)

    def _prepare(self, text: str) -> Document:
        parsed = self._parse(text)
        try:
            operations, directives = analyse(parsed)
        except NestedTooDeeplyError:
            raise self._limits.too_complex("depth", None, self._limits.values.depth) from None
        for operation, structure in operations:
            self._limits.check(self._measured(operation, structure, directives))
        self._validate(parsed)
        if not operations:
            raise _no_operation("the document holds no operation")
        return Document(
            {
                None if node.name is None else node.name.value: Operation(
                    parsed,
                    node,
                    OperationCost(self._costs, parsed, node),
                    VariableLists(self._schema, node.variable_definitions or ()),
                    None if self._plans is None else self._plans.of(parsed, node),
                )
                for node, _ in operations
            }
        )

    def _parse(self, text: str) -> DocumentNode:
        limits = self._limits.values
        try:
            # A lone surrogate cannot be encoded, and is no GraphQL either.
            size = len(text.encode())
        except UnicodeEncodeError:
            raise refusal("GRAPHQL_PARSE_FAILED", "the document is no Unicode text", lenient=True) from None
        if size > limits.document_bytes:
            raise self._limits.too_complex("document", size, limits.document_bytes)
        if has_more_tokens(text, limits.tokens):
            raise self._limits.too_complex("tokens", None, limits.tokens)
        try:
            return parse(text, max_tokens=limits.tokens)
        except GraphQLSyntaxError as error:
            if "tokens" in error.description and "Parsing aborted" in error.description:
                raise self._limits.too_complex("tokens", None, limits.tokens) from None
            if "nested too deeply" in error.description:
                raise self._limits.too_complex("depth", None, limits.depth) from None
            raise Refusal([_formatted(error, "GRAPHQL_PARSE_FAILED")], lenient=True) from None
        except RecursionError:
            raise self._limits.too_complex("depth", None, limits.depth) from None

    def _measured(
        self, operation: OperationDefinitionNode, structure: Structure, directives: DirectiveUse
    ) -> Iterable[tuple[str, int, int]]:
        limits = self._limits.values
        yield "depth", structure.depth, limits.depth
        yield "introspectionDepth", structure.introspection_depth, limits.introspection_depth
        yield "aliases", structure.aliases, limits.aliases
        yield "directives", directives.total, limits.directives
        yield "directivesOnANode", directives.most_on_a_node, limits.directives_on_a_node
        yield "rootFields", structure.root_fields, limits.root_fields
        yield "fields", structure.fields, limits.fields
        yield "variables", len(operation.variable_definitions or ()), limits.variables

    def _validate(self, parsed: DocumentNode) -> None:
        listed = self._limits.values.errors
        try:
            errors = validate(
                self._schema, parsed, self._rules, max_errors=listed, hide_suggestions=self._hides_suggestions
            )
        except RecursionError:
            raise self._limits.too_complex("depth", None, self._limits.values.depth) from None
        if errors:
            raise Refusal(
                [_formatted(error, "GRAPHQL_VALIDATION_FAILED", self._hides_suggestions) for error in errors[:listed]],
                lenient=True,
            )


def _no_operation(message: str) -> Refusal:
    return refusal("OPERATION_RESOLUTION_FAILURE", message, lenient=True)


def _formatted(error: GraphQLError, code: str, hides_suggestions: bool = False) -> FormattedError:
    """The error with its code. Strawberry's own rules suggest names whatever graphql-core is told."""
    formatted: dict[str, Any] = dict(error.formatted)
    if hides_suggestions:
        formatted["message"] = _SUGGESTION.sub("", formatted["message"])
    formatted["extensions"] = {"code": code, **(error.extensions or {})}
    return formatted
