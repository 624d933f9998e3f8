"""GraphiQL as a person uses it: the words on the page, not its markup, wherever that is possible."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, WebSocket, expect

QUERY = ".graphiql-query-editor .view-lines"
OPEN_PANE = ".graphiql-editor-tool .graphiql-editor:not(.hidden) .view-lines"
ANSWER = ".graphiql-response .view-lines"
ACTIVE_TAB = "JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{}').activeTabIndex"


@dataclass
class Traffic:
    """What the page asked for, complained of, and heard over sockets."""

    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    """Messages of sockets, in the order in which they came."""

    def watch(self, page: Page) -> None:
        """Records every request of the page and of its workers, every socket, console error and exception."""
        page.context.on("request", lambda request: self.urls.append(request.url))
        page.on("websocket", self._socket)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _socket(self, socket: WebSocket) -> None:
        self.urls.append(socket.url)
        socket.on("framereceived", lambda frame: self.heard.append(json.loads(frame)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def foreign(self, origin: str) -> list[str]:
        """What was not asked of `origin` (an http address), data and blob addresses aside."""
        ours = (origin + "/", origin.replace("http", "ws", 1) + "/", "data:", "blob:" + origin)
        return [url for url in self.urls if not url.startswith(ours)]


class GraphiQL:
    """One open page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def open(self, url: str) -> str:
        """Opens the page, waits until its editor is drawn, and returns the policy that the page came with."""
        response = self._page.goto(url)
        expect(self._page.locator(QUERY)).to_be_visible()
        return response.headers.get("content-security-policy", "") if response else ""

    def tab_titles(self) -> list[str]:
        return [title.strip() for title in self._page.get_by_role("tab").all_inner_texts()]

    def choose_tab(self, title: str) -> None:
        """Makes the tab of that title the active one."""
        self._page.get_by_role("tab").get_by_role("button", name=title, exact=True).click()

    def wait_until_kept(self, title: str) -> None:
        """Waits until the browser's storage has the tab of that title as the active one: GraphiQL takes its time."""
        index = self.tab_titles().index(title)
        # Playwright's own waiting evaluates strings, which the page's policy forbids.
        for _ in range(100):
            if self._page.evaluate(ACTIVE_TAB) == index:
                return
            self._page.wait_for_timeout(50)
        raise AssertionError(f"{title} was not kept as the active tab")

    def write_query(self, text: str) -> None:
        """Replaces the operation. The text goes in as a paste does, past the editor's own brackets."""
        self._replace(QUERY, text)

    def write_headers(self, text: str) -> None:
        """Replaces the headers."""
        self._page.get_by_role("button", name="Headers", exact=True).click()
        self._replace(OPEN_PANE, text)

    def _replace(self, editor: str, text: str) -> None:
        self._page.locator(editor).click()
        self._page.keyboard.press("Control+A")
        self._page.keyboard.press("Delete")
        self._page.keyboard.insert_text(text)

    def expect_query(self, part: str) -> None:
        """Waits until the operation shows `part`."""
        expect(self._page.locator(QUERY)).to_contain_text(_drawn(part))

    def expect_variables(self, part: str) -> None:
        """Opens the variables and waits until they show `part`."""
        self._page.get_by_role("button", name="Variables", exact=True).click()
        expect(self._page.locator(OPEN_PANE)).to_contain_text(_drawn(part))

    def expect_headers(self, part: str) -> None:
        """Opens the headers and waits until they show `part`."""
        self._page.get_by_role("button", name="Headers", exact=True).click()
        expect(self._page.locator(OPEN_PANE)).to_contain_text(_drawn(part))

    def run(self) -> None:
        self._page.get_by_role("button", name=re.compile("^Execute query")).click()

    def run_for_answer(self) -> dict[str, Any]:
        """Runs the operation and returns what came back over HTTP."""
        with self._page.expect_response(lambda response: response.request.method == "POST") as answered:
            self.run()
        answer: dict[str, Any] = answered.value.json()
        return answer

    def stop(self) -> None:
        self._page.get_by_role("button", name=re.compile("^Stop query")).click()

    def expect_answer(self, part: str | re.Pattern[str]) -> None:
        """Waits until the answer shows `part`."""
        wanted = _drawn(part) if isinstance(part, str) else part
        expect(self._page.locator(ANSWER)).to_contain_text(wanted)

    def expect_panel(self, part: str) -> None:
        """Waits until the panel at the left shows `part`."""
        expect(self._page.locator(".graphiql-plugin")).to_contain_text(part)

    def follow(self, name: str) -> None:
        """Follows a link of the documentation."""
        self._page.locator(".graphiql-plugin").get_by_role("link", name=name, exact=True).first.click()

    def open_docs(self) -> None:
        self._page.get_by_role("button", name="Show Documentation Explorer").click()

    def open_explorer(self) -> None:
        self._page.get_by_role("button", name="Show GraphiQL Explorer").click()

    def pick_field(self, name: str) -> None:
        """Ticks a field in the explorer, which is open."""
        self._page.locator(f'[data-field-name="{name}"]').first.click()

    def open_history(self) -> None:
        self._page.get_by_role("button", name="Show History").click()

    def picture(self) -> bytes:
        """A PNG of what the window shows, without a blinking cursor."""
        self._page.mouse.move(0, 0)
        self._page.get_by_text("task-gateway", exact=True).click()
        return self._page.screenshot(animations="disabled", caret="hide")


def _drawn(text: str) -> re.Pattern[str]:
    """`text` as the editor draws it: with no-break spaces."""
    return re.compile(re.escape(text).replace(r"\ ", r"\s"))
