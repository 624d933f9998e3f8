"""Counting tokens before a document is parsed."""

import random
import time

import pytest
from graphql import GraphQLSyntaxError, Lexer, Source, TokenKind

from gateway.execution.tokens import has_more_tokens

_PIECES = (
    "query", "_a1", "{", "}", "(", ")", "[", "]", ":", "!", "$", "&", "=", "@", "|", "...", "-12.5e+3", "0", " ",
    ",", "\n", "\r\n", "\ufeff", "# a { comment }\n", "#\r", '""', '"a"', '"\\""', '"\\\\"', '"{ ... }"', '"車両"',
    '""""""', '"""a "b" ""c"""', '"""\\"""{"""', '"""\\\\\\"""x"""', '"""two\nlines # no comment"""',
)  # fmt: skip


def _counted_by_graphql_core(text: str) -> int | None:
    """How many tokens it finds, comments included; None where the text is no GraphQL."""
    lexer = Lexer(Source(text))
    try:
        while lexer.advance().kind is not TokenKind.EOF:
            pass
    except GraphQLSyntaxError:
        return None
    count, token = 0, lexer.token.prev
    while token is not None and token.kind is not TokenKind.SOF:
        count, token = count + 1, token.prev
    return count


def test_counts_as_graphql_core_does() -> None:
    """Of 5,000 made-up texts, each that can be read has more than n - 1 tokens and no more than n."""
    chance = random.Random(6)
    read = 0
    for _ in range(5000):
        text = "".join(chance.choices(_PIECES, k=chance.randrange(1, 12)))
        count = _counted_by_graphql_core(text)
        if count is not None:
            read += 1
            assert not has_more_tokens(text, count), text
            assert count == 0 or has_more_tokens(text, count - 1), text

    assert read > 3000


@pytest.mark.parametrize(
    "text",
    ['"""' + '\\"""' * 50_000, '"' * 200_000, '"\\' * 100_000, '""' + " " * 200_000, "-" * 200_000, "." * 200_000],
)
def test_hostile_texts(text: str) -> None:
    """What looks like a beginning at every character is counted in one pass: 200 kB in less than half a second."""
    started = time.process_time()
    has_more_tokens(text, len(text) - 1)

    assert time.process_time() - started < 0.5
