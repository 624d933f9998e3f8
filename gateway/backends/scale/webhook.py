"""Scale's task callbacks: is it from Scale, and which task does it speak of?

Scale signs nothing and sends no timestamp: the header `scale-callback-auth` carries the account's callback auth key,
always the same. So a callback that was overheard can be sent again, and what stands in a body is never believed: it
says which task to look at. Source: the vendor's page on callbacks.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime

import orjson

from gateway.backends.base import Hint
from gateway.backends.scale.fields import Fields
from gateway.backends.scale.normalize import reference_of

_HEADER = "scale-callback-auth"


class ScaleWebhook:
    """Fulfils `Webhook`. `secret` is the account's callback auth key."""

    path = "/webhooks/scale"

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def is_authentic(self, headers: Mapping[str, str]) -> bool:
        """Compared in constant time: how much of a guess was right cannot be measured."""
        return hmac.compare_digest(headers.get(_HEADER, "").encode("latin-1", "replace"), self._secret)

    def parse(self, body: bytes) -> Hint:
        """The documented body is {task_id, response, task}; either place of the id is taken."""
        content = orjson.loads(body)
        if not isinstance(content, dict):
            raise ValueError("no object")
        task = content.get("task")
        record = task if isinstance(task, dict) else {}
        if "task_id" not in record:
            return Hint(reference_of(content), None)
        if content.get("task_id", record["task_id"]) != record["task_id"]:
            raise ValueError("two tasks in one callback")
        return Hint(reference_of(record), _moment(record))


def _moment(record: Mapping[str, object]) -> datetime | None:
    return Fields(record, _unheard).moment("updated_at")


def _unheard(field: str) -> None:
    """A body that is not believed need not fit."""
