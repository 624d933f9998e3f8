"""The picture in the README, drawn by the same steps as the browser test's.

`python -m tests.browser.screenshot` renews docs/graphiql.png.
"""

from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.browser import chromium, new_page
from tests.browser.demo import serving_demo
from tests.browser.graphiql import GraphiQL

PICTURE = Path(__file__).parents[2] / "docs" / "graphiql.png"
WIDTH, HEIGHT = 1200, 800


def draw(page: Page, origin: str) -> bytes:
    """A PNG of GraphiQL with the look-up of many tasks and its answer."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    graphiql = GraphiQL(page)
    graphiql.open(f"{origin}/graphql")
    graphiql.choose_tab("LookUpMany")
    graphiql.expect_variables('"scaleTaskId"')
    graphiql.run()
    graphiql.expect_answer('"BadInputError"')
    return graphiql.picture()


def size(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG: the first two numbers of its IHDR chunk."""
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


def main() -> None:
    """Draws the picture from a demo of its own."""
    with serving_demo() as origin, sync_playwright() as playwright, chromium(playwright) as browser:
        picture = draw(new_page(browser), origin)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(picture)
    print(f"{PICTURE}: {len(picture)} bytes")


if __name__ == "__main__":
    main()
