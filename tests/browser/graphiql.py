"""GraphiQL as a person uses it: the words on the page, not its markup, wherever that is possible."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page, expect


@dataclass
class Traffic:
    """What the page asked for and complained of."""

    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Records every request of the page and of its workers, every socket, console error and exception."""
        page.context.on("request", lambda request: self.urls.append(request.url))
        page.on("websocket", lambda socket: self.urls.append(socket.url))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

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

    def open(self, url: str) -> None:
        """Opens the page and waits until it knows the schema: only then do the documentation and completion work."""
        self._page.goto(url)
        expect(self._page.locator(".graphiql-query-editor .view-lines")).to_be_visible()

    def tab_titles(self) -> list[str]:
        return [title.strip() for title in self._page.get_by_role("tab").all_inner_texts()]

    def choose_tab(self, title: str) -> None:
        self._page.get_by_role("tab", name=title, exact=True).click()

    def write_query(self, text: str) -> None:
        """Replaces the operation. The text goes in as a paste does, past the editor's own brackets."""
        self._replace(".graphiql-query-editor", text)

    def write_headers(self, text: str) -> None:
        """Replaces the headers."""
        self._page.get_by_role("button", name="Headers", exact=True).click()
        self._replace(".graphiql-editor-tool .graphiql-editor:not(.hidden)", text)

    def _replace(self, editor: str, text: str) -> None:
        self._page.locator(f"{editor} .view-lines").click()
        self._page.keyboard.press("Control+A")
        self._page.keyboard.press("Delete")
        self._page.keyboard.insert_text(text)

    def query(self) -> str:
        return self._text(".graphiql-query-editor")

    def variables(self) -> str:
        self._page.get_by_role("button", name="Variables", exact=True).click()
        return self._text(".graphiql-editor-tool .graphiql-editor:not(.hidden)")

    def headers(self) -> str:
        self._page.get_by_role("button", name="Headers", exact=True).click()
        return self._text(".graphiql-editor-tool .graphiql-editor:not(.hidden)")

    def run(self) -> None:
        self._page.get_by_role("button", name=re.compile("^Execute query")).click()

    def stop(self) -> None:
        self._page.get_by_role("button", name=re.compile("^Stop query")).click()

    def expect_answer(self, part: str) -> None:
        """Waits until the answer shows `part`. The editor draws spaces as no-break spaces."""
        pattern = re.escape(part).replace(r"\ ", r"\s")
        expect(self._page.locator(".graphiql-response .view-lines")).to_contain_text(re.compile(pattern))

    def open_docs(self) -> None:
        self._page.get_by_role("button", name="Show Documentation Explorer").click()

    def open_explorer(self) -> None:
        self._page.get_by_role("button", name="Show GraphiQL Explorer").click()

    def pick_field(self, name: str) -> None:
        """Ticks a field in the explorer, which is open."""
        self._page.locator(f'[data-field-name="{name}"]').first.click()

    def open_history(self) -> None:
        self._page.get_by_role("button", name="Show History").click()

    def _text(self, editor: str) -> str:
        return self._page.locator(f"{editor} .view-lines").inner_text().replace("\xa0", " ")
