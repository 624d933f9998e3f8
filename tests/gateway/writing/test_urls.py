"""Which addresses a creation may name."""

import pytest

from gateway.writing.urls import UrlRules
from schema.creation import MultistageCreation, SceneFormat
from schema.errors import GatewayError

OK = "s3://bucket/a"


def refused_at(rules: UrlRules, attachment: str = OK, callback: str | None = None) -> tuple[str, ...]:
    """The path of the refusal, empty where there is none."""
    creation = MultistageCreation(
        project="p",
        batch=None,
        attachments=(OK, attachment),
        scene_format=SceneFormat.SENSOR_FUSION,
        callback_url=callback,
    )
    try:
        rules.check(creation)
    except GatewayError as error:
        return error.path
    return ()


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.json?x=1#y",
        "HTTPS://EXAMPLE.COM:8443/a",
        "https://example.com./a",
        "https://8.8.8.8/a",
        "https://[2606:4700::1111]/a",
        "https://bücher.example/a",
        "https://bucket_1.s3.amazonaws.com/a",
        "s3://bucket/a/b c".replace(" ", "%20"),
        "gs://bucket/a",
        "scaledata://abc/def",
    ],
)
def test_taken(url: str) -> None:
    """Public hosts over https, and the storages' own schemes."""
    assert refused_at(UrlRules(), url) == ()


PRIVATE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "１２７.0.0.1",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  refused, not bound
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fc00::1]",
    "[ff02::1]",
    "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "printer.local",
    "metadata.google.internal",
    "intranet",
    "service.corp",
    "ｌocalhost",
    "%31%32%37.0.0.1",
    "a..b",
    "-a.example",
    "1.2.3.4.5",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_hosts(host: str) -> None:
    """Hosts of an inner network are refused in every spelling, as attachment and as callback."""
    url = f"https://{host}/a"

    assert refused_at(UrlRules(), url) == ("input", "attachments", "1")
    assert refused_at(UrlRules(), callback=url) == ("input", "callbackUrl")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a",
        "/a",
        "//example.com/a",
        "https:",
        "https://",
        "https:///a",
        "https://:443/a",
        "https://user@example.com/a",
        "https://example.com@127.0.0.1/a",
        "https://example.com:99999/a",
        "https://exa mple.com/a",
        "https://example.com\\@127.0.0.1/a",
        "https://example.com/\r\na",
        " https://example.com/a",
        "https://[::1/a",
        "http://example.com/a",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,a",
        "s3://",
        "s3:///",
        "gs:",
    ],
)
def test_no_attachment(url: str) -> None:
    """Other schemes, users, and what is no absolute URI are refused."""
    assert refused_at(UrlRules(), url) == ("input", "attachments", "1")


@pytest.mark.parametrize("callback", ["https://example.com/hook", "team@example.com", "a.b+c@mail.example.org"])
def test_callbacks(callback: str) -> None:
    """A callback goes to an https URL or a mailbox."""
    assert refused_at(UrlRules(), callback=callback) == ()


@pytest.mark.parametrize(
    "callback",
    ["s3://bucket/a", "http://example.com", "a@localhost", "a@10.0.0.1", "a@b@example.com", "a b@example.com", "@x.y"],
)
def test_no_callback(callback: str) -> None:
    """A callback goes nowhere else, and no mail into an inner network."""
    assert refused_at(UrlRules(), callback=callback) == ("input", "callbackUrl")


def test_named_hosts() -> None:
    """Where hosts are named, only those are taken; a private one too, as it was named."""
    rules = UrlRules([" Files.Example.com", "10.0.0.7"])

    assert refused_at(rules, "https://files.example.com/a", "https://10.0.0.7/hook") == ()
    assert refused_at(rules, "https://www.example.com/a")
    assert refused_at(rules, callback="a@example.com")
    assert refused_at(rules, "http://10.0.0.7/a")


def test_this_machine() -> None:
    """Loopback is taken where it is named, over plain http too; any public host stays taken beside it."""
    rules = UrlRules(["*", "localhost", "127.0.0.1", "::1"])

    for callback in ("http://127.0.0.1:8000/hook", "http://localhost/", "https://[::1]:1/", "http://[::1]/"):
        assert refused_at(rules, callback=callback) == ()
    assert refused_at(rules, "https://example.com/a") == ()
    assert refused_at(rules, callback="http://127.0.0.2/")
    assert refused_at(rules, callback="http://example.com/")
