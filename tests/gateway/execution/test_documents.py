"""Documents: kept, found by hash, or trusted."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import redis.asyncio
from graphql import GraphQLInputObjectType
from strawberry.types.base import StrawberryMaybe

from gateway.execution.documents import Documents
from gateway.execution.limits import Limits
from gateway.execution.persisted import (
    DocumentStore,
    MemoryDocumentStore,
    OperationRequest,
    PersistedDocuments,
    RedisDocumentStore,
    sha256_of,
)
from gateway.execution.trusted import ManifestError, read_manifest
from gateway.fail_open import FailOpen, RedisFailures
from gateway.refusals import Refusal
from gateway.reread import RereadFile
from gateway.settings import LimitsSettings
from schema import build_schema
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

SCHEMA = build_schema()._schema
QUERY = "query A { backends { backend } } query B { __typename }"


def _documents(limits: LimitsSettings | None = None, **bounds: Any) -> Documents:
    return Documents(SCHEMA, Limits(limits or LimitsSettings()), allows_introspection=True, **bounds)


def _refused(documents: Documents, text: str) -> tuple[str, object]:
    with pytest.raises(Refusal) as refused:
        documents.get(text)
    extensions = refused.value.errors[0]["extensions"]
    return extensions["code"], extensions.get("limit")


def test_a_document_is_prepared_once() -> None:
    """The same text gives the same object: neither parsed nor validated again."""
    documents = _documents()

    assert documents.get(QUERY) is documents.get(QUERY)
    assert documents.get(QUERY).operation("B").name == "B"


def test_the_oldest_goes_first() -> None:
    """Bounded by number and by characters, what was not used for longest leaves."""
    documents = _documents(max_documents=2)
    first = documents.get("{ __typename }")
    second = documents.get("{ a: __typename }")
    assert documents.get("{ __typename }") is first
    documents.get("{ b: __typename }")
    assert documents.get("{ __typename }") is first
    assert documents.get("{ a: __typename }") is not second

    small = _documents(max_characters=40)
    kept = small.get("{ __typename }")
    small.get("{ __typename }" + " " * 30)
    assert small.get("{ __typename }") is not kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ task(by: {id: null}) { id } }", "Field 'TaskBy.id' must be non-null."),
        ("{ lookupTasks(by: [{id: null}]) { __typename } }", "Field 'TaskBy.id' must be non-null."),
        ("{ task(by: {}) { id } }", "OneOf Input Object 'TaskBy' must specify exactly one key."),
        (
            "{ tasks(first: " + "9" * 5000 + ") { totalCount } }",
            "Expected value of type 'Int', found a number of too many digits.",
        ),
    ],
    ids=["null", "null in a list", "nothing", "5000 digits"],
)
def test_a_wrong_value_is_told_once(text: str, message: str) -> None:
    """In one sentence for clients, which tells nothing of what the gateway is made of."""
    with pytest.raises(Refusal) as refused:
        _documents().get(text)

    assert [error["message"] for error in refused.value.errors] == [message]
    assert refused.value.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_only_oneof_inputs_have_fields_that_take_no_null() -> None:
    """So the rule on @oneOf refuses null there: Strawberry's rule on nulls would tell it again, in Python's terms."""
    inputs = [it for it in SCHEMA.type_map.values() if isinstance(it, GraphQLInputObjectType)]
    definitions = [it.extensions["strawberry-definition"] for it in inputs]
    fields = [field for it in definitions if not it.is_one_of for field in it.fields]

    assert fields
    assert not any(isinstance(field.type, StrawberryMaybe) for field in fields)


@pytest.mark.parametrize("name", [None, "C"])
def test_which_operation(name: str | None) -> None:
    """Two operations and no name, or a name nobody has, is an error: the first is never run by chance."""
    with pytest.raises(Refusal) as refused:
        _documents().get(QUERY).operation(name)
    assert refused.value.code == "OPERATION_RESOLUTION_FAILURE"


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}", "aliases"),
        ("{" + " ".join(f"a{n}: __typename" for n in range(3000)) + "}", "document"),
        ("{" + " __typename" * 2100 + "}", "tokens"),
        ("{" + " id" * 10_000 + "}", "tokens"),
        ("{" + "a{" * 60 + "b" + "}" * 61, "depth"),
        ("{" + "a{" * 100 + "b" + "}" * 101, "depth"),
        ("{" + "a{" * 600 + "b" + "}" * 601, "depth"),
        ("{ task(by: " + "[" * 800 + "]" * 800 + ") { id } }", "depth"),
        ("{ task(by: " + "{id:" * 300 + "1" + "}" * 300 + ") { id } }", "depth"),
        ("{ __schema { types " + "{ fields { type " * 12 + "{ name }" + "} }" * 12 + " } }", "introspectionDepth"),
        ("{ backends " + "@include(if: true) " * 40 + "{ backend } }", "directivesOnANode"),
        ("{ " + "... @include(if: true) @skip(if: false) { __typename } " * 26 + "}", "directives"),
        ("{" + " ".join("backends { backend }" for _ in range(21)) + "}", "rootFields"),
        ("query(" + " ".join(f"$v{n}: Int" for n in range(101)) + ") { __typename }", "variables"),
        ("query(" + " ".join(f"$v{n}: Int" for n in range(3000)) + ") { __typename }", "document"),
        (" ".join(f"query Q{n} {{ __typename }}" for n in range(1000)), "tokens"),
        ("{ backends {" + " backend" * 1000 + " } }", "fields"),
        ("#" + "x" * 1_000_000, "document"),
    ],
)
def test_limits(text: str, limit: str) -> None:
    """Each attack on the document is refused by the name of the limit it exceeds."""
    assert _refused(_documents(), text) == ("TOO_COMPLEX", limit)


def test_warn_only() -> None:
    """Switched to warn, a limit is counted and the document runs."""
    counted: list[str] = []
    limits = Limits(LimitsSettings(warn_only=True), count=counted.append)
    documents = Documents(SCHEMA, limits, allows_introspection=True)

    documents.get("{" + " ".join(f"a{n}: __typename" for n in range(31)) + "}")

    assert counted == ["aliases", "rootFields"]


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ ...A } fragment A on Query { ...A }",
        "{ backends @a @b @c @d { backend } }",
        "{ " + " ".join(f"x{n}" for n in range(15)) + " }",
    ],
)
def test_few_errors_are_listed(text: str) -> None:
    """Cycles, unknown directives and unknown fields are validation errors, at most five of them."""
    with pytest.raises(Refusal) as refused:
        _documents().get(text)
    codes = {error["extensions"]["code"] for error in refused.value.errors}
    assert codes == {"GRAPHQL_VALIDATION_FAILED"}
    assert len(refused.value.errors) <= 5


def test_circular_introspection() -> None:
    """Introspection that goes in circles is refused even where introspection is on."""
    circular = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }"

    assert _refused(_documents(), circular)[0] == "GRAPHQL_VALIDATION_FAILED"


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> DocumentStore:
    if request.param == "memory":
        return MemoryDocumentStore()
    return RedisDocumentStore(fakeredis.FakeAsyncRedis(), FailOpen(RedisFailures("documents")))


async def test_apq(store: DocumentStore) -> None:
    """Unknown at first; sent once with its text, found by hash alone, and by documentId too."""
    persisted = PersistedDocuments(store)
    name = sha256_of(QUERY)
    by_hash = OperationRequest(query=None, persisted_hash=name)
    with pytest.raises(Refusal) as refused:
        await persisted.text_of(by_hash)
    assert (refused.value.code, refused.value.status, str(refused.value)) == (
        "PERSISTED_QUERY_NOT_FOUND",
        200,
        "PersistedQueryNotFound",
    )

    registration = OperationRequest(query=QUERY, persisted_hash=name)
    assert await persisted.text_of(registration) == QUERY
    await persisted.remember(registration)

    assert await persisted.text_of(by_hash) == QUERY
    for document_id in (name, f"sha256:{name}", f"sha256:{name.upper()}"):
        assert await persisted.text_of(OperationRequest(query=None, document_id=document_id)) == QUERY
    await store.aclose()


async def test_a_wrong_hash(store: DocumentStore) -> None:
    """A text under another text's hash is refused, so that nobody can plant one."""
    with pytest.raises(Refusal) as refused:
        await PersistedDocuments(store).text_of(OperationRequest(query=QUERY, persisted_hash=sha256_of("{ other }")))
    assert (refused.value.status, refused.value.code) == (400, "BAD_USER_INPUT")


async def test_a_poisoned_store() -> None:
    """A text that Redis holds under another text's hash is not believed."""
    server = fakeredis.FakeAsyncRedis()
    await server.set(f"task-gateway:document:1:{sha256_of(QUERY)}", "{ planted }")

    assert await RedisDocumentStore(server, FailOpen(RedisFailures("documents"))).get(sha256_of(QUERY)) is None


async def test_redis_is_down() -> None:
    """Redis that is gone knows nothing and harms nothing."""
    store = RedisDocumentStore(
        redis.asyncio.Redis.from_url("redis://127.0.0.1:1"), FailOpen(RedisFailures("documents"))
    )

    await store.put(sha256_of(QUERY), QUERY)
    assert await store.get(sha256_of(QUERY)) is None
    await store.aclose()


RELAY = json.dumps({"abc": QUERY})
APOLLO = json.dumps(
    {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{"id": "abc", "name": "A", "type": "query", "body": QUERY}],
    }
)


def _trusting(path: Path, clock: FakeClock) -> PersistedDocuments:
    manifest: RereadFile[Mapping[str, str]] = RereadFile(path, read_manifest, clock, lambda: time.time() + 1)
    return PersistedDocuments(MemoryDocumentStore(), manifest)


@pytest.mark.parametrize("text", [RELAY, APOLLO], ids=["relay", "apollo"])
async def test_trusted_documents(text: str, tmp_path: Path) -> None:
    """With a manifest its documents run, by id or by text; another text is 403, another id unknown."""
    path = tmp_path / "manifest.json"
    path.write_text(text)
    clock = FakeClock()
    trusting = _trusting(path, clock)

    assert await trusting.text_of(OperationRequest(query=None, document_id="abc")) == QUERY
    assert await trusting.text_of(OperationRequest(query=None, persisted_hash="abc")) == QUERY
    assert await trusting.text_of(OperationRequest(query=QUERY)) == QUERY
    with pytest.raises(Refusal) as untrusted:
        await trusting.text_of(OperationRequest(query="{ __typename }", persisted_hash=sha256_of("{ __typename }")))
    assert (untrusted.value.status, untrusted.value.code) == (403, "PERSISTED_QUERY_NOT_SUPPORTED")
    assert not untrusted.value.lenient
    with pytest.raises(Refusal) as unknown:
        await trusting.text_of(OperationRequest(query=None, document_id="xyz"))
    assert unknown.value.code == "PERSISTED_QUERY_NOT_FOUND"

    path.write_text(json.dumps({"new": "{ __typename }"}))
    clock.seconds += 1.1
    assert await trusting.text_of(OperationRequest(query="{ __typename }")) == "{ __typename }"
    with pytest.raises(Refusal):
        await trusting.text_of(OperationRequest(query=QUERY))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "5",
        '{"a": 1}',
        '{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}',
        '{"format": "apollo-persisted-query-manifest", "version": 1}',
        '{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a"}]}',
    ],
)
def test_no_manifest(text: str) -> None:
    """What is in neither format is refused."""
    with pytest.raises(ManifestError):
        read_manifest(text)
