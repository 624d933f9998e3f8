"""Resolvers of lists parse, ask once and return: what they pass on, with fakes behind them."""

from typing import Any

import pytest
from strawberry import Schema

from schema import build_schema
from schema.backend import Backend
from schema.connection import ListedPage, Wanted
from schema.context import Caller, Context, Scope
from schema.filter import Span, TaskCriteria
from schema.status import TaskStatus
from tests.fakes import START, FakeCounterparts, FakeLister, fake_readers, fake_task, rosetta, scale

pytestmark = pytest.mark.anyio

SCHEMA: Schema = build_schema()


class NoTasks:
    """Knows no task, no backend, and watches none."""


class NotingLister(FakeLister):
    """Notes what it was asked for; its page holds two tasks."""

    def __init__(self) -> None:
        self.asked: list[tuple[TaskCriteria, int, str | None, Wanted]] = []

    async def page(self, criteria: TaskCriteria, *, first: int, after: str | None, wanted: Wanted) -> ListedPage:
        self.asked.append((criteria, first, after, wanted))
        tasks = [fake_task(rosetta("s1")), fake_task(scale("t1"))]
        return ListedPage(tasks=tasks, cursor_behind=lambda n: f"c{n}", has_next=True, has_previous=False)


async def ask(query: str, lists: FakeLister) -> dict[str, object]:
    nothing: Any = NoTasks()
    readers = fake_readers(lists, FakeCounterparts(fake_task(scale("twin"))))
    context = Context(Caller("test", frozenset(Scope)), "request", nothing, nothing, nothing, nothing, **readers)
    result = await SCHEMA.execute(query, context_value=context)
    assert result.errors is None
    assert result.data is not None
    return result.data


async def test_filter_becomes_criteria() -> None:
    """Each entry once, words as sets, a span without bounds as none, ids in the order asked for."""
    lists = NotingLister()

    await ask(
        '{ tasks(filter: {backendIn: [SCALE, SCALE], statusIn: [PENDING], annotationRequestIdIn: ["b", "a", "b"], '
        'createdAt: {gte: "2026-03-01T12:00:00Z"}, updatedAt: {}, project: null}, first: 7, after: "x") '
        "{ nodes { id } } }",
        lists,
    )

    ((criteria, first, after, wanted),) = lists.asked
    assert criteria == TaskCriteria(
        backends=frozenset({Backend.SCALE}),
        statuses=frozenset({TaskStatus.PENDING}),
        annotation_request_ids=("b", "a"),
        created=Span(START, None),
    )
    assert (first, after, wanted) == (7, "x", Wanted(total=False, only_states=True))


async def test_edges_carry_their_cursors() -> None:
    """Each edge has the cursor behind it; the page begins and ends with those of its edges."""
    data = await ask(
        "{ tasks { edges { cursor node { backend counterparts { scaleTaskId } history { action } } } "
        "pageInfo { startCursor endCursor hasNextPage } totalCount failures { code } } }",
        NotingLister(),
    )

    twin = [{"scaleTaskId": "twin"}]
    assert data["tasks"] == {
        "edges": [
            {"cursor": "c1", "node": {"backend": "ROSETTA", "counterparts": twin, "history": None}},
            {"cursor": "c2", "node": {"backend": "SCALE", "counterparts": twin, "history": []}},
        ],
        "pageInfo": {"startCursor": "c1", "endCursor": "c2", "hasNextPage": True},
        "totalCount": None,
        "failures": [],
    }


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        ("totalCount", Wanted(total=True, only_states=True)),
        ("totalCount @include(if: false) nodes { status }", Wanted(total=False, only_states=True)),
        ("nodes { ... on Task { raw } }", Wanted()),
        ("nodes { raw @skip(if: true) metadata }", Wanted(only_states=True)),
        ("edges { cursor }", Wanted()),
        ("nodes { id } nodes { tags }", Wanted()),
        ("pageInfo { endCursor } other: nodes { unique: uniqueId }", Wanted()),
    ],
)
async def test_what_is_wanted(selection: str, wanted: Wanted) -> None:
    """What is selected, through fragments, aliases and directives, is all that is wanted."""
    lists = NotingLister()

    await ask(f"{{ tasks {{ {selection} }} }}", lists)

    assert lists.asked[0][3] == wanted
