"""The ASGI application: which path answers to which method, who may call, and in what order that is checked.

An unknown path is a plain HTTP 404 and a wrong method a plain 405, both before the signature is looked at:
the documentation describes neither. Everything else is an envelope.
"""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.rosetta import endpoints_campaign, endpoints_statistics, endpoints_task
from gateway.sandbox.rosetta.call import Call, Refused, read_call
from gateway.sandbox.rosetta.envelope import Envelopes
from gateway.sandbox.rosetta.options import RosettaOptions
from gateway.sandbox.rosetta.signature import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SignedHeaders,
    refusal_code,
)
from gateway.sandbox.rosetta.store import RosettaStore
from gateway.sandbox.rosetta.vocabulary import Code

Endpoint = Callable[[RosettaStore, RosettaOptions, Call], object]

CAMPAIGN_BY_NAME: Final = "/campaign/{campaignName}"

ROUTES: Final[Mapping[str, Mapping[str, Endpoint]]] = {
    "/task/get": {"POST": endpoints_task.get_task},
    "/annotation-request": {
        "GET": endpoints_task.get_annotation_request,
        "POST": endpoints_task.create_annotation_request,
    },
    "/annotation-request/task/schedule": {"GET": endpoints_task.get_schedule},
    "/statistics": {"GET": endpoints_statistics.list_tasks},
    "/statistics/record": {"GET": endpoints_statistics.list_records},
    "/statistics/frames": {"GET": endpoints_statistics.count_frames},
    "/campaign/create": {"POST": endpoints_campaign.create_campaign},
    "/campaign/queryByFolderName": {"GET": endpoints_campaign.list_campaigns},
    CAMPAIGN_BY_NAME: {"GET": endpoints_campaign.get_campaign},
    "/system/getStatus": {"GET": endpoints_campaign.get_system_status},
}


def route(path: str) -> str | None:
    """The route of an encoded path: the literal one first, else a campaign's name as one segment."""
    if path in ROUTES:
        return path
    prefix, _, name = path.rpartition("/")
    return CAMPAIGN_BY_NAME if prefix == "/campaign" and name else None


class RosettaApp:
    """Answers HTTP calls below `/rosetta-open` from a store."""

    def __init__(
        self,
        store: RosettaStore,
        *,
        clock: SandboxClock,
        access_key: str,
        secret_key: str,
        options: RosettaOptions,
        wall_time: Callable[[], datetime],
    ) -> None:
        self.options = options
        self._store = store
        self._clock = clock
        self._access_key = access_key
        self._secret_key = secret_key
        self._wall_time = wall_time
        self._envelopes = Envelopes()
        self._refusals: deque[tuple[str, int, bool]] = deque()

    def refuse_next(self, operation: str, code: int, *, after: bool) -> None:
        """The next call of an operation such as `POST /task/get` is answered with a code.

        With `after` the call takes effect first: the answer of a server that failed too late.
        """
        self._refusals.append((operation, code, after))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "the emulator speaks HTTP only"
        call = await read_call(scope, receive)
        response = PlainTextResponse("Not Found", 404) if call is None else self._answer(call)
        await response(scope, receive, send)

    def _answer(self, call: Call) -> Response:
        path = route(call.path)
        if path is None or path in self.options.absent_paths:
            return PlainTextResponse("Not Found", 404)
        endpoint = ROUTES[path].get(call.method)
        if endpoint is None:
            allowed = {"Allow": ", ".join(ROUTES[path])}
            return PlainTextResponse("Method Not Allowed", 405, allowed)
        try:
            code, data = int(Code.SUCCESS), self._data(endpoint, f"{call.method} {path}", call)
        except Refused as refused:
            code, data = refused.code, None
        return self._envelopes.respond(code, data, now=self._clock.now(), options=self.options)

    def _data(self, endpoint: Endpoint, operation: str, call: Call) -> object:
        self._check_signature(call)
        self._store.import_due()
        refusal = next((entry for entry in self._refusals if entry[0] == operation), None)
        if refusal is None:
            return endpoint(self._store, self.options, call)
        self._refusals.remove(refusal)
        _, code, after = refusal
        if after:
            endpoint(self._store, self.options, call)
        raise Refused(code)

    def _check_signature(self, call: Call) -> None:
        headers = SignedHeaders(
            access_key=call.headers.get(KEY_HEADER, ""),
            timestamp=call.headers.get(TIMESTAMP_HEADER, ""),
            signature=call.headers.get(SIGNATURE_HEADER, ""),
        )
        code = refusal_code(
            headers,
            access_key=self._access_key,
            secret_key=self._secret_key,
            wall_time=self._wall_time(),
            window_s=self.options.signature_window_s,
        )
        if code is not None:
            raise Refused(code)
