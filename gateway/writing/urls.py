"""UrlRules: which addresses a creation may hand to the backend. The gateway itself fetches none of them.

Hosts that are private, link-local, loopback or names of an internal network are refused, in every spelling that common
resolvers take for them: "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", full-width digits. A public name
that resolves to a private address cannot be told from here.
"""

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from schema.creation import MultistageCreation
from schema.errors import GatewayError, bad_input

ANY_PUBLIC_HOST = "*"

_STORAGES = ("s3", "gs", "scaledata")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))+")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\]|\s")
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([^@]+)")
# Names that never leave a network: RFC 6761, RFC 6762, RFC 8375 and what clouds and clusters use.
_INTERNAL = ("localhost", "local", "internal", "intranet", "lan", "corp", "home", "home.arpa", "localdomain")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class UrlRules:
    """`allowed_hosts` are names or addresses; "*" stands for any public host. Others are refused."""

    def __init__(self, allowed_hosts: Iterable[str] = (ANY_PUBLIC_HOST,)) -> None:
        hosts = [host.strip().lower() for host in allowed_hosts]
        self._any_public = ANY_PUBLIC_HOST in hosts
        self._named = frozenset(host for host in hosts if host != ANY_PUBLIC_HOST)

    def check(self, creation: MultistageCreation) -> None:
        """Raises GatewayError BAD_USER_INPUT for the first address that may not be handed on."""
        for index, attachment in enumerate(creation.attachments):
            self._check_attachment(attachment, "input", "attachments", str(index))
        if creation.callback_url is not None:
            self._check_callback(creation.callback_url, "input", "callbackUrl")

    def _check_attachment(self, text: str, *path: str) -> None:
        url = _split(text, path)
        if url.scheme in _STORAGES:
            if not url.netloc and not url.path.strip("/"):
                raise bad_input(f"this {url.scheme} URI names nothing", *path)
            return
        self._check_web(url, "an attachment is an https, s3, gs or scaledata URI", path)

    def _check_callback(self, text: str, *path: str) -> None:
        mailbox = _MAILBOX.fullmatch(text)
        if mailbox is not None and "://" not in text:
            self._check_host(mailbox[1], path)
            return
        self._check_web(_split(text, path), "a callback goes to an https URL or an e-mail address", path)

    def _check_web(self, url: SplitResult, expected: str, path: tuple[str, ...]) -> None:
        host = _host_of(url, path)
        # Plain http stays on the machine, and only where its own name is allowed.
        is_plain_loopback = url.scheme == "http" and host is not None and self._names(host) and _is_loopback(host)
        if url.scheme != "https" and not is_plain_loopback:
            raise bad_input(expected, *path)
        if host is None or "@" in url.netloc:
            raise bad_input("this URL names no host, or a user beside it", *path)
        self._check_host(host, path)

    def _check_host(self, host: str, path: tuple[str, ...]) -> None:
        if self._names(host):
            return
        if not self._any_public:
            raise bad_input("this host is not among those that the gateway's operator allows", *path)
        if not _is_public(host):
            raise bad_input("this host is private, or is no host", *path)

    def _names(self, host: str) -> bool:
        return host.lower() in self._named


def _split(text: str, path: tuple[str, ...]) -> SplitResult:
    if _UNSAFE.search(text):
        raise bad_input("a URL holds no spaces, backslashes or control characters", *path)
    try:
        return urlsplit(text)
    except ValueError:
        raise _no_url(path) from None


def _host_of(url: SplitResult, path: tuple[str, ...]) -> str | None:
    try:
        _ = url.port
        return url.hostname
    except ValueError:
        raise _no_url(path) from None


def _no_url(path: tuple[str, ...]) -> GatewayError:
    return bad_input("this is no absolute URI", *path)


def _is_public(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return _is_public_address(address)
    name = _ascii_name(host)
    if name is None or not _NAME.fullmatch(name):
        return False
    # After normalising it may turn out to be an address after all.
    if _address(name) is not None or name.rsplit(".", 1)[-1].isdigit():
        return False
    return not any(name == suffix or name.endswith("." + suffix) for suffix in _INTERNAL)


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _ascii_name(host: str) -> str | None:
    """The name as resolvers see it: compatible characters folded, other scripts as Punycode, no final dot."""
    try:
        return unicodedata.normalize("NFKC", host).lower().removesuffix(".").encode("idna").decode()
    except UnicodeError:
        return None


def _address(host: str) -> _Address | None:
    """The address that `host` spells, in any way that resolvers take for one."""
    text = unicodedata.normalize("NFKC", host).removesuffix(".")
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        pass
    if not re.fullmatch(r"[0-9a-fA-FxX.]+", text):
        return None
    try:
        # What C's resolver takes: fewer parts, octal, hexadecimal.
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def _is_public_address(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public_address(inner)
    return address.is_global and not address.is_multicast
