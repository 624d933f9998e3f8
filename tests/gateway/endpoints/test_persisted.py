"""Persisted and trusted documents over HTTP and sockets."""

import hashlib
import json
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from gateway.settings import SettingsError
from tests.gateway.endpoints.served import served_schema, small_schema

QUERY = "{ quick }"
HASH = hashlib.sha256(QUERY.encode()).hexdigest()
EXTENSIONS = {"persistedQuery": {"version": 1, "sha256Hash": HASH}}


def test_apq_over_the_wire() -> None:
    """Apollo's protocol: hash, not found, hash with text, hash; then over a socket as well."""
    with served_schema(small_schema()) as house:
        unknown = house.post(None, extensions=EXTENSIONS)
        registered = house.post(QUERY, extensions=EXTENSIONS)
        found = house.post(None, extensions=EXTENSIONS)
        by_id = house.post(None, documentId=f"sha256:{HASH}")
        with connect(house.socket_url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
            socket.send('{"type": "connection_init"}')
            socket.recv(timeout=5)
            socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"extensions": EXTENSIONS}}))
            over_socket = json.loads(socket.recv(timeout=5))

    assert unknown.status_code == 200
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    for response in (registered, found, by_id):
        assert response.json() == {"data": {"quick": "done"}}
    assert over_socket["payload"] == {"data": {"quick": "done"}}


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
def test_untrusted(tmp_path: Path, accept: str) -> None:
    """With a manifest another document is 403, under both media types."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"one": QUERY}))
    with served_schema(small_schema(), GATEWAY_TRUSTED_DOCUMENTS=str(path)) as house:
        trusted = house.post(None, {"accept": accept}, documentId="one")
        untrusted = house.post("{ __typename }", {"accept": accept})

    assert trusted.json() == {"data": {"quick": "done"}}
    assert untrusted.status_code == 403
    assert untrusted.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"


def test_a_manifest_that_is_none(tmp_path: Path) -> None:
    """A file that is no manifest stops the start, naming the setting."""
    path = tmp_path / "manifest.json"
    path.write_text("[]")
    with (
        pytest.raises(SettingsError, match="GATEWAY_TRUSTED_DOCUMENTS"),
        served_schema(small_schema(), GATEWAY_TRUSTED_DOCUMENTS=str(path)),
    ):
        pass
