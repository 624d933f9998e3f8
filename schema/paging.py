"""Where a page stands in its list, for every list alike."""

from collections.abc import Callable
from typing import Protocol

import strawberry

from schema.errors import bad_input

MAX_FIRST = 100
DEFAULT_FIRST = 50


class Page(Protocol):
    """What every page of a list knows. `cursor_behind(n)` is the cursor behind its n-th entry, counted from 1."""

    @property
    def cursor_behind(self) -> Callable[[int], str]: ...

    @property
    def has_next(self) -> bool: ...

    @property
    def has_previous(self) -> bool: ...


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether there may be more behind `endCursor`; true while a backend that failed has still to be "
        "asked. A page may hold fewer entries than asked for, even none, and yet have a next one."
    )
    has_previous_page: bool = strawberry.field(description="Whether the page was reached by a cursor.")
    start_cursor: str | None = strawberry.field(default=None, description="The first entry's cursor.")
    end_cursor: str | None = strawberry.field(
        default=None,
        description="Where the next page begins: pass it as `after`. Set, even without entries, while there may be "
        "more.",
    )


def checked_first(first: int | None) -> int:
    """`first` itself, 50 for null. Raises GatewayError BAD_USER_INPUT outside 1 to 100."""
    if first is None:
        return DEFAULT_FIRST
    if not 1 <= first <= MAX_FIRST:
        raise bad_input(f"first is 1 to {MAX_FIRST}, not {first}", "first")
    return first


def page_info(page: Page, size: int) -> PageInfo:
    """Where `page`, of `size` entries, stands."""
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=page.cursor_behind(1) if size else None,
        end_cursor=page.cursor_behind(size) if size or page.has_next else None,
    )
