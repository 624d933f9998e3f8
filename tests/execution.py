"""How queries are answered in this run of the tests: as shipped, or by graphql-core alone.

`GATEWAY_TEST_EXECUTION=graphql-core pytest …` runs any test without plans; `tests/test_without_plans.py` nearly all.
"""

import os

from gateway.settings import Execution, Settings

_ASKED_FOR = os.environ.get("GATEWAY_TEST_EXECUTION")
# For gateways that are processes of their own.
ENVIRONMENT = {"GATEWAY_EXECUTION": _ASKED_FOR} if _ASKED_FOR else {}


def answer_as_asked_for() -> None:
    """Settings that do not name `execution` have it so: no test need remember, whatever it sets up."""
    if _ASKED_FOR:
        Settings.model_fields["execution"].default = Execution(_ASKED_FOR)
        Settings.model_rebuild(force=True)
