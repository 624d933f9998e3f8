"""The example operations: what GraphiQL opens with and what documentation points at.

Each is a document in `static/operations`, with its variables and headers beside it. They name tasks of the demo, so
that they run there as they are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "static" / "operations"


@dataclass(frozen=True)
class ExampleOperation:
    """One operation as text; `variables` and `headers` are JSON objects, laid out for people."""

    name: str
    document: str
    variables: str
    headers: str

    def variable_values(self) -> Mapping[str, Any]:
        """The variables, ready to send."""
        return dict(json.loads(self.variables))

    def header_values(self) -> Mapping[str, str]:
        """The headers, ready to send."""
        return dict(json.loads(self.headers))


def example_operations(folder: Path = _FOLDER) -> list[ExampleOperation]:
    """Every example, in the order of the file names. Raises OSError for one that lacks its variables or headers."""
    return [
        ExampleOperation(
            name=path.stem,
            document=path.read_text("utf-8"),
            variables=path.with_suffix(".variables.json").read_text("utf-8"),
            headers=path.with_suffix(".headers.json").read_text("utf-8"),
        )
        for path in sorted(folder.glob("*.graphql"))
    ]
