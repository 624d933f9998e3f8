"""Refusal: a request that is answered before, or instead of, execution."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, TypeAlias

FormattedError: TypeAlias = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - most refusals are the client's error, not ours
    """Errors as the client reads them, without the request id, and the status they travel under.

    `status` is that of `application/graphql-response+json`. A `lenient` refusal concerns the document or its
    variables: under `application/json` it travels with 200, as GraphQL over HTTP asks. Over WebSocket and SSE there
    is no status, only the errors.
    """

    def __init__(
        self,
        errors: Sequence[FormattedError],
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        lenient: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(errors[0]["message"])
        self.errors = list(errors)
        self.status = int(status)
        self.lenient = lenient
        self.headers = headers

    @property
    def code(self) -> str:
        """The first error's code."""
        return str(self.errors[0]["extensions"]["code"])

    def payload(self, request_id: str) -> dict[str, Any]:
        """The answer's body. There is no `data`: execution never began."""
        return {"errors": list(with_request_id(self.errors, request_id))}


def refusal(
    code: str,
    message: str,
    *,
    status: int = HTTPStatus.BAD_REQUEST,
    lenient: bool = False,
    headers: Mapping[str, str] = MappingProxyType({}),
    **extensions: object,
) -> Refusal:
    """A refusal with one error."""
    error = {"message": message, "extensions": {"code": code, **extensions}}
    return Refusal([error], status=status, lenient=lenient, headers=headers)


def bad_request(message: str, status: int = HTTPStatus.BAD_REQUEST) -> Refusal:
    """The request is not a GraphQL request: BAD_USER_INPUT under `status`, whatever the client accepts."""
    return refusal("BAD_USER_INPUT", message, status=status)


def with_request_id(errors: Iterable[FormattedError], request_id: str) -> Iterable[FormattedError]:
    """The same errors, each naming the request."""
    for error in errors:
        yield {**error, "extensions": {**error.get("extensions", {}), "requestId": request_id}}
