"""GraphiQL in a real browser that reaches nothing but the gateway."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page

from gateway.operations import example_operations
from gateway.sandbox.scale.seed import DEMO_MOVING
from tests.browser import screenshot
from tests.browser.demo import serving_demo
from tests.browser.graphiql import GraphiQL, Traffic
from tests.browser.server import serving
from tests.browser.sockets import counting_app

pytestmark = pytest.mark.chromium

SUBSCRIPTION = "7-task-changed"
TAG = """mutation ($id: ID!) {
  addTaskTags(input: {task: {scaleTaskId: $id}, tags: ["seen"]}) { errors { code } }
}"""


@pytest.fixture(scope="package")
def prefixed() -> Iterator[str]:
    """The address of a demo that is served under a prefix."""
    with serving_demo("/labelling/tasks") as address:
        yield address


@pytest.fixture(scope="package")
def counting() -> Iterator[str]:
    """The origin of a server whose subscription counts."""
    with serving(counting_app()) as origin:
        yield origin


def test_the_page_works_with_every_other_host_blocked(page: Page, traffic: Traffic, demo: str) -> None:
    """The page draws, documents the schema, builds a query by clicks, runs it, and asks no other host."""
    graphiql = GraphiQL(page)
    policy = graphiql.open(f"{demo}/graphql")

    graphiql.open_docs()
    graphiql.expect_panel("query: Query")
    graphiql.follow("Query")
    graphiql.expect_panel("What the gateway has seen of its backends. Asks no backend.")
    graphiql.follow("TaskCounts")
    graphiql.follow("TaskStatusCount")
    graphiql.follow("TaskStatus")
    graphiql.expect_panel("Rosetta 5 (waiting for review)")
    graphiql.write_query("query Health { __typename }")
    graphiql.open_explorer()
    graphiql.pick_field("backends")
    graphiql.pick_field("isConfigured")
    graphiql.expect_query("isConfigured")
    graphiql.run()
    graphiql.expect_answer('"isConfigured": true')
    graphiql.open_history()
    graphiql.expect_panel("Health")

    assert "script-src 'self'" in policy
    assert traffic.complaints == []
    assert len(traffic.urls) > 20
    assert traffic.foreign(demo) == []


def test_the_policy_refuses_another_host(page: Page, traffic: Traffic, demo: str) -> None:
    """Even a script on the page reaches no other address, be it on this very machine."""
    GraphiQL(page).open(f"{demo}/graphql")

    reached = page.evaluate("fetch('http://127.0.0.1:9/', {mode: 'no-cors'}).then(() => true, () => false)")

    assert reached is False
    assert any("Content Security Policy" in complaint for complaint in traffic.complaints)


def test_tabs_open_filled_and_run(page: Page, traffic: Traffic, demo: str) -> None:
    """A first visitor finds every example in a tab, with its variables and headers, and each runs as it is."""
    graphiql = GraphiQL(page)
    graphiql.open(f"{demo}/graphql")

    assert len(graphiql.tab_titles()) == len(example_operations())
    for title, example in zip(graphiql.tab_titles(), example_operations(), strict=True):
        graphiql.choose_tab(title)

        for line in example.document.splitlines()[:3]:
            graphiql.expect_query(line)
        for line in example.variables.splitlines()[:3]:
            graphiql.expect_variables(line)
        for line in example.headers.splitlines():
            graphiql.expect_headers(line)
        if example.name != SUBSCRIPTION:
            answer = graphiql.run_for_answer()
            assert "errors" not in answer
            graphiql.expect_answer(f'"{next(iter(answer["data"]))}"')
    assert traffic.complaints == []
    assert traffic.foreign(demo) == []


def test_the_subscription_tab_tells_changes(page: Page, traffic: Traffic, demo: str) -> None:
    """The tab's subscription brings each task's state and then a change of one, all over one socket to our own host."""
    graphiql = GraphiQL(page)
    graphiql.open(f"{demo}/graphql")
    graphiql.choose_tab("Changes")

    graphiql.run()
    graphiql.expect_answer('"taskChanged"')
    # The demo's task moves by itself, but not at once.
    tagged = httpx.post(f"{demo}/graphql", json={"query": TAG, "variables": {"id": DEMO_MOVING}}).json()
    graphiql.expect_answer(re.compile(r'"previousStatus":\s"[A-Z]'))
    graphiql.stop()

    assert tagged["data"]["addTaskTags"]["errors"] == []
    told = [message["payload"]["data"]["taskChanged"] for message in traffic.heard if message["type"] == "next"]
    assert {change["index"] for change in told} == {0, 1, 2}
    assert {message["type"] for message in traffic.heard} <= {"connection_ack", "next", "ping", "pong", "complete"}
    assert demo.replace("http", "ws") + "/graphql" in traffic.urls
    assert traffic.foreign(demo) == []
    assert traffic.complaints == []


def test_a_returning_visitor_keeps_tabs(page: Page, demo: str) -> None:
    """After a reload the same tab is open, with its variables, and runs."""
    graphiql = GraphiQL(page)
    graphiql.open(f"{demo}/graphql")
    graphiql.choose_tab("TaskOfRosetta")
    graphiql.wait_until_kept("TaskOfRosetta")

    page.reload()
    graphiql.run()

    graphiql.expect_answer('"viewUrl"')
    graphiql.expect_variables('"scene-0002"')


def test_under_a_prefix(page: Page, traffic: Traffic, prefixed: str) -> None:
    """Under a prefix the page finds its files, its tabs and the endpoint there."""
    graphiql = GraphiQL(page)
    graphiql.open(f"{prefixed}/graphql")

    graphiql.run()

    graphiql.expect_answer('"status"')
    assert traffic.foreign(prefixed) == []
    assert traffic.complaints == []


def test_subscription_arrives_over_a_websocket(page: Page, traffic: Traffic, counting: str) -> None:
    """A subscription's events arrive over a socket to the page's own address."""
    graphiql = GraphiQL(page)
    graphiql.open(f"{counting}/graphql")

    graphiql.write_query("subscription { count }")
    graphiql.run()

    graphiql.expect_answer('"count": 3')
    assert counting.replace("http", "ws") + "/graphql" in traffic.urls
    assert traffic.foreign(counting) == []
    assert traffic.complaints == []


def test_subscription_carries_the_credential(page: Page, counting: str) -> None:
    """The Authorization header of a tab travels in connection_init: a browser sends no headers with a socket."""
    graphiql = GraphiQL(page)
    graphiql.open(f"{counting}/graphql")

    graphiql.write_query("subscription { credential }")
    graphiql.write_headers('{"Authorization": "Bearer abc"}')
    graphiql.run()

    graphiql.expect_answer('"credential": "Bearer abc"')


def test_the_picture_in_the_readme(page: Page, demo: str) -> None:
    """The steps that draw the README's picture still work, and draw one of the size that stands there."""
    drawn = screenshot.draw(page, demo)

    assert screenshot.size(drawn) == screenshot.size(screenshot.PICTURE.read_bytes())
    assert len(drawn) > 20_000
