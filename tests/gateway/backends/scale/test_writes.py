"""Writes on the wire, over real sockets too: what is sent, and what each answer means."""

import json

import httpx
import pytest

from gateway.backends.base import Taken, TakenError, WriteRefusedError, may_have_happened
from gateway.backends.scale import scale_backend
from gateway.backends.transport import Limits
from schema.changes import AddTags, Cancel, Change, ClearUniqueId, RemoveTags, Review, SetMetadata, SetTags, SetUniqueId
from schema.creation import MultistageCreation, SceneFormat
from schema.errors import ErrorCode, GatewayError
from schema.scalars import JSON
from tests.fakes import CountingObserver, scale
from tests.gateway.backends.scale.scripted import ScriptedScale, answering, record
from tests.gateway.sandbox.scale_account import make_sandbox
from tests.gateway.sandbox.served import served

pytestmark = pytest.mark.anyio

TASK = scale("abc-1")
CREATION = MultistageCreation(project="p", batch=None, attachments=("s3://b/a",), scene_format=SceneFormat.SPLIT_BASE64)


@pytest.mark.parametrize(
    ("change", "target", "body"),
    [
        (Cancel(), "POST /v1/task/abc-1/cancel", None),
        (Cancel(clear_unique_id=True), "POST /v1/task/abc-1/cancel?clear_unique_id=true", None),
        (SetMetadata(JSON({})), "POST /v1/task/abc-1/setMetadata", {}),
        (SetTags(()), "POST /v1/task/abc-1/tags", []),
        (AddTags(("a",)), "PUT /v1/task/abc-1/tags", ["a"]),
        (RemoveTags(("a",)), "DELETE /v1/task/abc-1/tags", ["a"]),
        (SetUniqueId("s3://a b"), "POST /v1/task/abc-1/unique_id", {"unique_id": "s3://a b"}),
        (ClearUniqueId(), "DELETE /v1/task/abc-1/unique_id", None),
        (Review(True), "POST /v1/task/abc-1/audit", {"accepted": True}),
        (Review(False, "no"), "POST /v1/task/abc-1/audit", {"accepted": False, "comments": "no"}),
    ],
)
async def test_requests(change: Change, target: str, body: object) -> None:
    """Each change has its verb, path, query and body."""
    scripted = ScriptedScale(lambda request: httpx.Response(200, json=record("abc-1")))
    task = await scripted.client.change(TASK, change)
    (request,) = scripted.requests

    assert task is not None
    assert scripted.targets == [target]
    assert (json.loads(request.content) if request.content else None) == body
    assert request.headers.get("content-type") == (None if body is None else "application/json")


@pytest.mark.parametrize("body", [b"OK", b"[]", b"{}", b'{"task_id": "another", "status": "pending"}'])
async def test_answers_that_are_no_task(body: bytes) -> None:
    """A success that does not hold the task is None: the change was taken."""
    assert await answering(200, body).client.change(TASK, Cancel()) is None


@pytest.mark.parametrize(
    ("status", "code", "is_refusal", "is_open"),
    [
        (302, ErrorCode.BACKEND_BAD_RESPONSE, False, True),
        (400, ErrorCode.BAD_USER_INPUT, True, False),
        (401, ErrorCode.BACKEND_REFUSED, False, False),
        (402, ErrorCode.BACKEND_REFUSED, False, False),
        (403, ErrorCode.BACKEND_BAD_RESPONSE, True, False),
        (404, ErrorCode.NOT_FOUND, True, False),
        (408, ErrorCode.BACKEND_TIMEOUT, False, True),
        (409, ErrorCode.CONFLICT, True, False),
        (413, ErrorCode.BACKEND_BAD_RESPONSE, True, False),
        (429, ErrorCode.BACKEND_RATE_LIMITED, False, False),
        (500, ErrorCode.BACKEND_UNAVAILABLE, False, True),
        (524, ErrorCode.BACKEND_UNAVAILABLE, False, True),
    ],
)
async def test_failures(status: int, code: ErrorCode, is_refusal: bool, is_open: bool) -> None:
    """Each status has its code, and tells whether the write may have happened; the vendor's text stays here."""
    with pytest.raises(GatewayError) as caught:
        await answering(status, b'{"error": "secret words"}').client.change(TASK, Review(True))

    assert caught.value.code is code
    assert isinstance(caught.value, WriteRefusedError) is is_refusal
    assert may_have_happened(caught.value) is is_open
    assert "secret" not in caught.value.message + caught.value.log_detail


@pytest.mark.parametrize("body", [b"OK", b"{}", b'{"task_id": "a"}', b'{"task_id": "../x", "status": "pending"}', b"{"])
async def test_creation_answers_without_a_task(body: bytes) -> None:
    """A creation whose answer names no task may have happened."""
    with pytest.raises(GatewayError) as caught:
        await answering(200, body).client.create(CREATION, "k")

    assert may_have_happened(caught.value)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"error": "The unique_id (\\"idempotency\\") is already used"}', Taken.UNIQUE_ID),
        (b"{'error': 'The unique_id is'}", Taken.UNIQUE_ID),
        (b'{"error": "This Idempotency-Key was used (unique_id)"}', Taken.IDEMPOTENCY_KEY),
        (b"\xff\xfe", Taken.UNCLEAR),
    ],
)
async def test_what_is_taken(body: bytes, what: Taken) -> None:
    """The first telling word counts, as the rest may quote the customer."""
    with pytest.raises(TakenError) as caught:
        await answering(409, body).client.create(CREATION, "k")

    assert caught.value.what is what


async def test_delete_with_a_body_over_a_socket() -> None:
    """A DELETE keeps its body and content type on the way through a real client and server."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task(tags=["a", "b"])
    with served(sandbox.app) as origin:
        client = scale_backend(
            f"{origin}/v1", sandbox.api_key, limits=Limits(timeout_s=30), observer=CountingObserver()
        )
        task = await client.change(scale(row.task_id), RemoveTags(("a",)))
        await client.aclose()

    assert task is not None
    assert task.tags == ("b",)
