"""The record of one task: its JSON as bytes, decoded when a field asks."""

from typing import cast

from gateway.backends.exact_json import decode_for_clients
from schema.scalars import JSON


class ScaleRecord:
    """Fulfils `schema.task.TaskRecord`. Holds nothing but bytes: a decoded record takes four times the memory."""

    __slots__ = ("body",)

    def __init__(self, body: bytes) -> None:
        """`body` is the JSON object of one task, decoded successfully before."""
        self.body = body

    def raw(self, *, with_people: bool) -> JSON:
        """The whole record. Names of people stand in `audits[].audited_by` and nowhere else."""
        fields = self._fields()
        if not with_people and "audits" in fields:
            fields["audits"] = _without_names(fields["audits"])
        return JSON(fields)

    def params(self) -> JSON | None:
        """The parameters of the task's type; None where there are none, or no object of them."""
        params = self._fields().get("params")
        return JSON(params) if isinstance(params, dict) else None

    def response(self) -> JSON | None:
        """The labels or the error, whatever JSON that is; None until there is one."""
        response = self._fields().get("response")
        return None if response is None else JSON(response)

    def metadata(self) -> JSON:
        """The customer's own data; {} where there is none, or no object of it."""
        metadata = self._fields().get("metadata")
        return JSON(metadata if isinstance(metadata, dict) else {})

    def _fields(self) -> dict[str, object]:
        return cast(dict[str, object], decode_for_clients(self.body))


def _without_names(audits: object) -> object:
    """`audits` with each name null, at any depth: a shape that is not the documented one must not show them either."""
    if isinstance(audits, list):
        return [_without_names(audit) for audit in audits]
    if isinstance(audits, dict):
        return {key: None if key == "audited_by" else _without_names(item) for key, item in audits.items()}
    return audits
