"""Waits until tasks are settled: python wait.py ws://127.0.0.1:8000/graphql TASK..."""

import asyncio
import os
import sys
from typing import Any

from gql import Client, gql
from gql.transport.exceptions import TransportClosed, TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport

CHANGES = gql("""
  subscription ($by: [TaskBy!]!) {
    taskChanged(by: $by) {
      index
      previousStatus
      task { status }
      error { code message retryable }
    }
  }
""")
SETTLED = {"COMPLETED", "FAILED", "DELIVERY_FAILED", "CANCELED"}


def task_by(name: str) -> dict[str, Any]:
    """How the gateway is told of a task: a Scale task id, or Rosetta's three ids with commas."""
    if "," not in name:
        return {"scaleTaskId": name}
    campaign_id, annotation_request_id, scene_id = name.split(",", 2)
    return {"rosetta": {"campaignId": campaign_id, "annotationRequestId": annotation_request_id, "sceneId": scene_id}}


async def wait(url: str, names: list[str], token: str | None) -> dict[str, str]:
    """How each task ended, by name. Returns when the last one is settled, or cannot be waited for."""
    ended: dict[str, str] = {}
    while len(ended) < len(names):
        try:
            await listen(url, names, token, ended)
        except (TransportClosed, TransportConnectionFailed, OSError) as error:
            print(f"connection lost ({type(error).__name__}); connecting again", file=sys.stderr)
            await asyncio.sleep(1)
    return ended


async def listen(url: str, names: list[str], token: str | None, ended: dict[str, str]) -> None:
    """Listens over one connection, noting in `ended` what is settled."""
    payload = {"authorization": f"Bearer {token}"} if token else {}
    by = [task_by(name) for name in names]
    async with Client(transport=WebsocketsTransport(url=url, init_payload=payload)) as session:
        changes = session.subscribe(CHANGES, variable_values={"by": by})
        try:
            async for answer in changes:
                change = answer["taskChanged"]
                name = names[change["index"]]
                if change["error"] is not None:
                    print(f"{name}: {change['error']['code']}: {change['error']['message']}", flush=True)
                    if not change["error"]["retryable"]:
                        ended[name] = change["error"]["code"]
                else:
                    status = change["task"]["status"]
                    print(f"{name}: {change['previousStatus'] or '-'} -> {status}", flush=True)
                    if status in SETTLED:
                        ended[name] = status
                if len(ended) == len(names):
                    return
        finally:
            await changes.aclose()


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    ended = asyncio.run(wait(sys.argv[1], list(dict.fromkeys(sys.argv[2:])), os.environ.get("GATEWAY_TOKEN")))
    return 0 if set(ended.values()) == {"COMPLETED"} else 1


if __name__ == "__main__":
    sys.exit(main())
