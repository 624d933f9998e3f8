"""A gateway's page over a schema of its own that counts: what GraphiQL does with subscriptions, and only that."""

from collections.abc import AsyncIterator, Mapping

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import Info

from gateway.endpoints.graphiql import graphiql_files, graphiql_page, wants_graphiql

NUMBERS = 3


@strawberry.type
class Query:
    """Something to ask: a schema needs it."""

    numbers: int = NUMBERS


@strawberry.type
class Subscription:
    """Numbers, and the credential that came with the connection."""

    @strawberry.subscription
    async def count(self) -> AsyncIterator[int]:
        for number in range(1, NUMBERS + 1):
            yield number

    @strawberry.subscription
    async def credential(self, info: Info) -> AsyncIterator[str]:
        parameters: Mapping[str, str] = info.context["connection_params"] or {}
        yield parameters.get("authorization", "none")


class _Endpoint(GraphQL[object, None]):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if wants_graphiql(scope):
            await graphiql_page()(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def counting_app() -> Starlette:
    """The page, its files without tabs, and the endpoint."""
    endpoint = _Endpoint(
        strawberry.Schema(Query, subscription=Subscription),
        graphql_ide=None,
        subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
    )
    return Starlette(
        routes=[Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint), graphiql_files([])],
    )
