"""Which road costs fewer calls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.rosetta.plan import may_pay, pages_of, pays


@pytest.mark.parametrize(("size", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (1000, 10)])
def test_pages(size: int, pages: int) -> None:
    """A page of statistics holds a hundred tasks; an empty request still costs one page."""
    assert pages_of(size) == pages


@pytest.mark.parametrize(
    ("wanted", "known_size", "expected"),
    [(1, None, False), (2, None, False), (3, None, True), (3, 100, True), (3, 101, False), (12, 1000, True)],
)
def test_before_the_request_is_read(wanted: int, known_size: int | None, expected: bool) -> None:
    """Bulk is tried when the scenes wanted outnumber the request and its pages; an unknown size counts as one page."""
    assert may_pay(wanted, known_size) is expected


@given(wanted=st.integers(1, 500), size=st.integers(1, 100_000))
def test_with_a_known_size_no_call_is_wasted(wanted: int, size: int) -> None:
    """Knowing the size, bulk is chosen exactly where it saves calls, and then stays the choice."""
    chosen = may_pay(wanted, size)

    assert chosen == (1 + pages_of(size) < wanted)
    assert not chosen or pays(wanted, size)
