"""Entities: objects that other services of a supergraph name by their keys."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from schema.annotation_request import KIND as ANNOTATION_REQUEST
from schema.annotation_request import AnnotationRequest
from schema.campaign import KIND as CAMPAIGN
from schema.campaign import Campaign, campaign_name
from schema.context import Info
from schema.errors import GatewayError, bad_input
from schema.node import decode_id
from schema.references import (
    Reference,
    annotation_request_id,
    reference_of_id,
    rosetta_reference,
    scale_reference,
)
from schema.task import Task

# The fields of one key, and the fields' values in their order.
Key: TypeAlias = tuple[str, ...]
Values: TypeAlias = Sequence[str]
Entity: TypeAlias = Task | AnnotationRequest | Campaign
_Load: TypeAlias = Callable[[Info, Values], Awaitable[Entity | None]]


def _task(info: Info, reference: Reference) -> Awaitable[Task | None]:
    return info.context.tasks.load(reference)


def _request(info: Info, request_id: str) -> Awaitable[AnnotationRequest | None]:
    return info.context.requests.load(annotation_request_id(request_id, "annotationRequestId"))


def _campaign(info: Info, name: str) -> Awaitable[Campaign | None]:
    return info.context.campaigns.campaign(campaign_name(name, "name"))


def _id_of(kind: str, values: Values) -> str:
    match decode_id(*values):
        case (given, part) if given == kind:
            return part
    raise bad_input(f"this id names something else than a {kind}", "id")


# By type, each key with what loads the object it names. The loaders are those of every other field: representations
# asked for together go out together, and one that is cached asks nobody.
ENTITIES: Mapping[str, Mapping[Key, _Load]] = MappingProxyType(
    {
        "Task": {
            ("id",): lambda info, values: _task(info, reference_of_id(*values, "id")),
            ("scaleTaskId",): lambda info, values: _task(info, scale_reference(*values, "scaleTaskId")),
            ("campaignId", "annotationRequestId", "sceneId"): lambda info, values: _task(
                info, rosetta_reference(*values)
            ),
        },
        "AnnotationRequest": {
            ("id",): lambda info, values: _request(info, _id_of(ANNOTATION_REQUEST, values)),
            ("annotationRequestId",): lambda info, values: _request(info, *values),
        },
        # Rosetta finds campaigns by name, not by their id.
        "Campaign": {
            ("id",): lambda info, values: _campaign(info, _id_of(CAMPAIGN, values)),
            ("name",): lambda info, values: _campaign(info, *values),
        },
    }
)


async def load_entity(info: Info, representation: object) -> Entity | GatewayError | None:
    """What `representation` names: None where there is no such object. A failure is a value, for its own place.

    A key whose fields are null names nothing: a task of Rosetta has no `scaleTaskId`, and a router sends it so.
    """
    try:
        return await _load(info, representation)
    except GatewayError as error:
        return error


async def _load(info: Info, representation: object) -> Entity | None:
    if not isinstance(representation, dict):
        raise bad_input("a representation is an object with __typename and the fields of a key", "representations")
    name = representation.get("__typename")
    keys = ENTITIES.get(name) if isinstance(name, str) else None
    if keys is None:
        raise bad_input("a representation's __typename is one of " + ", ".join(ENTITIES), "representations")
    for key, load in keys.items():
        values = _values(representation, key)
        if values is not None:
            return await load(info, values)
    if any(all(field in representation for field in key) for key in keys):
        return None
    raise bad_input(f"a representation of {name} holds the fields of one of its keys", "representations")


def _values(representation: Mapping[str, Any], key: Key) -> Values | None:
    """The key's values, None where one is missing. An ID may come as an integer, as everywhere in GraphQL."""
    values = [representation.get(field) for field in key]
    if any(value is None for value in values):
        return None
    if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in values):
        raise bad_input("the fields of a key are texts", "representations", *key)
    return [str(value) for value in values]
