"""Settings, read once from an environment mapping. Secrets hide themselves in every repr."""

import difflib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from limits import parse_many as parse_rates
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource
from redis.asyncio.connection import parse_url

PREFIX = "GATEWAY_"
_NESTING = "__"


class SettingsError(Exception):
    """The environment cannot configure the gateway; the message names each wrong variable and what it takes."""


class Profile(Enum):
    """What is switched on by default."""

    PRODUCTION = "production"
    EXPLORE = "explore"


class Execution(Enum):
    """What answers queries: plans where they can, or graphql-core alone."""

    PLAN = "plan"
    GRAPHQL_CORE = "graphql-core"


class LogFormat(Enum):
    """How a log line looks."""

    CONSOLE = "console"
    JSON = "json"


class Anonymous(Enum):
    """What a caller without credentials may do."""

    NONE = "none"
    READ = "read"
    READ_WRITE = "read+write"


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone such as Asia/Shanghai") from None
    return name


def _host(text: str) -> str:
    try:
        text.encode("idna")
    except UnicodeError:
        raise ValueError(f"{text!r} is no address or name to listen on") from None
    return text


def _names(value: object) -> object:
    """Comma separated, as people write lists in an environment."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _rate(text: str) -> str:
    try:
        rates = parse_rates(text)
    except ValueError:
        rates = []
    if len(rates) != 1 or rates[0].amount < 1:
        raise ValueError(f"{text!r} is no rate such as 600/minute")
    return text


def _proxies(entries: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [] if entries == ("*",) else [entry for entry in entries if not _is_network(entry)]
    if wrong:
        raise ValueError(
            f"{wrong[0]!r} is no address and no network such as 10.0.0.0/8; * for all of them stands alone"
        )
    return entries


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _hosts(text: str) -> str:
    for host in _host_list(text):
        if host != "*" and not re.fullmatch(r"[^\s/?#@:*\[\]]+", host) and ("/" in host or not _is_network(host)):
            raise ValueError(f"{host!r} is no host such as files.example.com, 10.1.2.3 or fd00::1, nor *")
    return text


def _host_list(text: str) -> tuple[str, ...]:
    return tuple(host.strip() for host in text.split(",") if host.strip())


def _root_path(text: str) -> str:
    path = text.rstrip("/")
    if path and not re.fullmatch(r"(/[\w.~-]+)+", path, re.ASCII):
        raise ValueError(f"{text!r} is no path such as /labelling")
    return path


def _origin(text: str) -> str:
    if text != "*" and not re.fullmatch(r"https?://[^/?#\s]+", text):
        raise ValueError(f"{text!r} is no origin such as https://tasks.example.com")
    return text.lower()


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_names)]


class BackendLimits(_Group):
    """Per backend. The timeout bounds one read with all its tries."""

    timeout_s: float = Field(default=10, gt=0, le=300)
    connect_timeout_s: float = Field(default=3, gt=0, le=300)
    max_concurrency: int = Field(default=64, ge=1, le=10_000)
    max_calls_per_s: float | None = Field(default=None, gt=0, le=100_000)


class ScaleSettings(BackendLimits):
    """Scale AI. Without a key the backend is not configured."""

    api_key: SecretStr | None = None
    base_url: AnyHttpUrl = AnyHttpUrl("https://api.scale.com/v1")
    callback_secret: Annotated[SecretStr, Field(min_length=1)] | None = None
    allowed_hosts: Annotated[str, AfterValidator(_hosts)] = "*"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The entries of `allowed_hosts`."""
        return _host_list(self.allowed_hosts)


class RosettaSettings(BackendLimits):
    """Rosetta. Without a base URL the backend is not configured."""

    base_url: AnyHttpUrl | None = None
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "Asia/Shanghai"


def _cache_url(url: SecretStr) -> SecretStr:
    scheme = url.get_secret_value().partition("://")[0]
    if scheme not in ("memory", "redis", "rediss", "unix"):
        raise ValueError("takes memory://, redis://host:port/database, rediss://... or unix:///path")
    if scheme != "memory":
        try:
            parse_url(url.get_secret_value())
        except (ValueError, TypeError):
            raise ValueError("is no URL of a Redis, such as redis://user:password@host:6379/0") from None
    return url


class CacheSettings(_Group):
    """Where answers are kept, and the bounds of the local cache. The URL is a secret: it may hold a password."""

    url: Annotated[SecretStr, AfterValidator(_cache_url)] = SecretStr("memory://")
    max_tasks: int = Field(default=100_000, ge=1)
    max_bytes: int = Field(default=256 * 1024 * 1024, ge=1)

    @property
    def redis_url(self) -> str | None:
        """Where the cache is shared; None where it is this process's own."""
        url = self.url.get_secret_value()
        return None if url.startswith("memory://") else url


class FreshnessSettings(_Group):
    """How long, in seconds, a task read from its backend counts as fresh."""

    open_s: float = Field(default=10, ge=0)
    settled_s: float = Field(default=300, ge=0)
    canceled_s: float = Field(default=3600, ge=0)
    absent_s: float = Field(default=5, ge=0)
    stale_if_error_s: float = Field(default=86_400, ge=0)


class WatchSettings(_Group):
    """Seconds between two questions for a watched task: the least and the most."""

    min_s: float = Field(default=5, gt=0, le=86_400)
    max_s: float = Field(default=60, gt=0, le=86_400)


class AuthSettings(_Group):
    """Who may ask. Keys are given as SHA-256 only."""

    api_keys: SecretStr | None = None
    api_keys_file: Path | None = None
    jwks_url: AnyHttpUrl | None = None
    issuer: str | None = None
    audience: str | None = None
    anonymous: Anonymous = Anonymous.NONE

    @property
    def knows_callers(self) -> bool:
        """Whether anyone can have credentials."""
        return any(given is not None for given in (self.api_keys, self.api_keys_file, self.jwks_url))


class MetricsSettings(_Group):
    """Where metrics are served, if not beside everything else."""

    port: int | None = Field(default=None, ge=1, le=65535)


class TracingSettings(_Group):
    """Where spans are sent; nowhere by default."""

    otlp_url: AnyHttpUrl | None = None
    propagate_to: Names = ()
    sample_ratio: float = Field(default=1.0, ge=0, le=1)


class LimitsSettings(_Group):
    """How much one request may ask for; what exceeds a limit is refused by the limit's name."""

    body_bytes: int = Field(default=1_048_576, ge=1)
    url_bytes: int = Field(default=16_384, ge=1)
    document_bytes: int = Field(default=32_768, ge=1)
    tokens: int = Field(default=2000, ge=1)
    depth: int = Field(default=12, ge=1, le=100)
    introspection_depth: int = Field(default=20, ge=1, le=100)
    aliases: int = Field(default=30, ge=0)
    fields: int = Field(default=1000, ge=1)
    directives: int = Field(default=50, ge=0)
    directives_on_a_node: int = Field(default=5, ge=0)
    variables: int = Field(default=100, ge=0)
    root_fields: int = Field(default=20, ge=1)
    calls: int = Field(default=320, ge=1)
    cost: int = Field(default=10_000, ge=1)
    errors: int = Field(default=5, ge=1, le=100)
    subscriptions: int = Field(default=20, ge=1)
    sockets: int = Field(default=100, ge=1)
    init_timeout_s: float = Field(default=10, gt=0, le=300)
    warn_only: bool = False


def _scene_keys(given: object) -> object:
    """Three names from a text with commas; what is no text is left to the type."""
    return tuple(name.strip() for name in given.split(",")) if isinstance(given, str) else given


def _three_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) != 3 or not all(names) or len(set(names)) != 3:
        raise ValueError("it takes three different names: of the campaign, the annotation request and the scene")
    return names


class LinkSettings(_Group):
    """How a Scale task names its Rosetta scene: metadata keys of campaign, annotation request and scene."""

    scene_keys: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_scene_keys), AfterValidator(_three_names)] = (
        "campaignId",
        "annotationRequestId",
        "sceneId",
    )


class Settings(BaseSettings):
    """Everything that can be set, by the name it has in the environment without `GATEWAY_`."""

    model_config: ClassVar = {"env_prefix": PREFIX, "env_nested_delimiter": _NESTING, "extra": "forbid", "frozen": True}

    host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    root_path: Annotated[str, AfterValidator(_root_path)] = ""
    trusted_proxies: Annotated[Names, AfterValidator(_proxies)] = ()
    scale: ScaleSettings = ScaleSettings()
    rosetta: RosettaSettings = RosettaSettings()
    cache: CacheSettings = CacheSettings()
    freshness: FreshnessSettings = FreshnessSettings()
    link: LinkSettings = LinkSettings()
    watch: WatchSettings = WatchSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitsSettings = LimitsSettings()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()
    workers: int = Field(default=1, ge=1, le=64)
    drain_s: float = Field(default=20, ge=0, le=3600)
    max_queued: int = Field(default=1000, ge=0)
    request_timeout_s: float = Field(default=15, gt=0, le=3600)
    execution: Execution = Execution.PLAN
    keep_answers: bool = True
    cors_origins: Origins = ()
    trusted_documents: Path | None = None
    rate_limit: Annotated[str, AfterValidator(_rate)] | None = None
    federation: bool = False
    profile: Profile = Profile.PRODUCTION
    graphiql: bool | None = None
    introspection: bool | None = None
    log_format: LogFormat | None = None
    slow_operation_ms: float = Field(default=1000, ge=0)
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error|critical)$")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `from_env` passes: the process's own environment is never read behind a caller's back."""
        return (init_settings,)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """The settings that `env` names. Raises SettingsError, naming what is wrong and what is accepted."""
        ours = {name: value for name, value in env.items() if name.upper().startswith(PREFIX)}
        known = set(variable_names())
        unknown = [name for name in ours if name.upper() not in known]
        if unknown:
            raise SettingsError("\n".join(_unknown(name, known) for name in sorted(unknown)))
        broken = [name for name, value in ours.items() if "\0" in value]
        if broken:
            raise SettingsError("\n".join(f"{name}: a NUL character is part of no value" for name in sorted(broken)))
        source = _MappingSource(cls, ours)
        try:
            settings = cls(**source())
        except ValidationError as exc:
            raise SettingsError("\n".join(_problems(exc))) from None
        return settings._checked()

    def _checked(self) -> "Settings":
        rosetta = self.rosetta
        given = {
            "BASE_URL": rosetta.base_url is not None,
            "ACCESS_KEY": rosetta.access_key is not None,
            "SECRET_KEY": rosetta.secret_key is not None,
        }
        if any(given.values()) and not all(given.values()):
            missing = ", ".join(f"{PREFIX}ROSETTA__{name}" for name, is_set in given.items() if not is_set)
            raise SettingsError(f"Rosetta is only partly configured: {missing} missing")
        if self.workers > 1 and self.cache.url.get_secret_value().startswith("memory:"):
            raise SettingsError(
                f"{PREFIX}WORKERS={self.workers} needs a Redis in {PREFIX}CACHE__URL: each worker would otherwise have "
                "a cache, persisted operations and rate limits of its own"
            )
        if self.watch.min_s > self.watch.max_s:
            raise SettingsError(f"{PREFIX}WATCH__MIN_S is above {PREFIX}WATCH__MAX_S")
        if self.metrics.port == self.port:
            raise SettingsError(f"{PREFIX}METRICS__PORT and {PREFIX}PORT are both {self.port}: each needs its own")
        self._check_tokens()
        return self

    def _check_tokens(self) -> None:
        auth = self.auth
        given = [name for name in ("ISSUER", "AUDIENCE") if getattr(auth, name.lower()) is not None]
        if auth.jwks_url is None and given:
            said = " and ".join(f"{PREFIX}AUTH__{name}" for name in given)
            raise SettingsError(f"{said} without {PREFIX}AUTH__JWKS_URL: no token would be taken")
        if auth.jwks_url is not None and (auth.issuer is None or auth.audience is None):
            raise SettingsError(
                f"{PREFIX}AUTH__JWKS_URL needs {PREFIX}AUTH__ISSUER and {PREFIX}AUTH__AUDIENCE: without them any token "
                "of that issuer, made for any service, would open this one"
            )

    def secrets(self) -> Iterator[str]:
        """Every secret value, for what redacts them. Never to be logged."""
        for value in (self, self.scale, self.rosetta, self.cache, self.auth):
            for name in type(value).model_fields:
                found = getattr(value, name)
                if isinstance(found, SecretStr) and found != type(value).model_fields[name].default:
                    yield found.get_secret_value()

    @property
    def shows_graphiql(self) -> bool:
        """On in the explore profile, unless switched by itself."""
        return self.profile is Profile.EXPLORE if self.graphiql is None else self.graphiql

    @property
    def allows_introspection(self) -> bool:
        """On in the explore profile, unless switched by itself."""
        return self.profile is Profile.EXPLORE if self.introspection is None else self.introspection


class _MappingSource(EnvSettingsSource):
    """pydantic-settings' own reading of nested names, from a mapping instead of the process's environment."""

    def __init__(self, settings_cls: type[BaseSettings], env: Mapping[str, str]) -> None:
        self._env = env
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        # An empty value means "not set": compose files and shells cannot unset a variable.
        return {name.lower(): value for name, value in self._env.items() if value != ""}


def variable_names() -> Iterator[str]:
    """Every environment variable the gateway takes."""
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, _Group):
            for inner in group.model_fields:
                yield f"{PREFIX}{name}{_NESTING}{inner}".upper()
        else:
            yield f"{PREFIX}{name}".upper()


def _unknown(name: str, known: set[str]) -> str:
    nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)
    return f"{name} is no setting; the nearest is {nearest[0]}"


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False):
        # A number is an entry's place in a list, and no part of the name.
        name = PREFIX + _NESTING.join(part for part in problem["loc"] if isinstance(part, str)).upper()
        # pydantic repeats the value only in `input`, left out above: it may be a secret.
        yield f"{name}: {re.sub('^Value error, ', '', problem['msg'])}"
