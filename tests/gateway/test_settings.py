"""The environment becomes Settings, or a sentence that names what is wrong."""

import pytest

from gateway.settings import Profile, Settings, SettingsError


def test_defaults() -> None:
    """Nothing set: loopback, production, no backend configured."""
    settings = Settings.from_env({})

    assert (settings.host, settings.port, settings.profile) == ("127.0.0.1", 8000, Profile.PRODUCTION)
    assert settings.scale.api_key is None
    assert not settings.shows_graphiql
    assert not settings.allows_introspection


def test_nested_names_and_other_programs_variables() -> None:
    """Nested names are read; what is not ours is left alone."""
    settings = Settings.from_env({"GATEWAY_SCALE__TIMEOUT_S": "2.5", "PATH": "/bin", "GATEWAY_PROFILE": "explore"})

    assert settings.scale.timeout_s == 2.5
    assert settings.shows_graphiql
    assert settings.allows_introspection


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("GATEWAY_SCALE__APIKEY", "GATEWAY_SCALE__API_KEY"),
        ("GATEWAY_PROT", "GATEWAY_PORT"),
        ("GATEWAY_ROSETTA__TIMEZONE", "GATEWAY_ROSETTA__TIME_ZONE"),
    ],
)
def test_unknown_name(name: str, nearest: str) -> None:
    """A misspelt name is refused with the nearest valid one."""
    with pytest.raises(SettingsError, match=f"{name} is no setting; the nearest is {nearest}$"):
        Settings.from_env({name: "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", "99999"),
        ("GATEWAY_PORT", "http"),
        ("GATEWAY_HOST", "127.0.0.1\0"),
        ("GATEWAY_HOST", "\udcff"),
        ("GATEWAY_PROFILE", "staging"),
        ("GATEWAY_ROOT_PATH", "labelling"),
        ("GATEWAY_ROOT_PATH", "/labelling tasks"),
        ("GATEWAY_SCALE__BASE_URL", "not a url"),
        ("GATEWAY_SCALE__TIMEOUT_S", "0"),
        ("GATEWAY_ROSETTA__TIME_ZONE", "Mars/Olympus"),
        ("GATEWAY_LOG_LEVEL", "loud"),
        ("GATEWAY_RATE_LIMIT", "0/minute"),
        ("GATEWAY_RATE_LIMIT", "600/minute;10/second"),
        ("GATEWAY_TRUSTED_PROXIES", "nope"),
        ("GATEWAY_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("GATEWAY_TRUSTED_PROXIES", "10.0.0.1,*"),
        ("GATEWAY_SCALE__ALLOWED_HOSTS", "https://files.example.com"),
        ("GATEWAY_SCALE__ALLOWED_HOSTS", "*,files.example.com:443"),
        ("GATEWAY_SCALE__ALLOWED_HOSTS", "10.0.0.0/8"),
        ("GATEWAY_SCALE__ALLOWED_HOSTS", "*.example.com"),
        ("GATEWAY_CORS_ORIGINS", "https://a.example,app.example"),
    ],
)
def test_wrong_value(name: str, value: str) -> None:
    """A wrong value is refused by the name of its variable."""
    with pytest.raises(SettingsError, match=f"^{name}: "):
        Settings.from_env({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_RATE_LIMIT", "600 per 5 minutes"),
        ("GATEWAY_TRUSTED_PROXIES", "*"),
        ("GATEWAY_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.0/8, fd00::/8, ::1"),
        ("GATEWAY_SCALE__ALLOWED_HOSTS", "*, localhost, 127.0.0.1, ::1, files_2.example.com, bücher.example"),
        ("GATEWAY_CORS_ORIGINS", "https://a.example,http://localhost:5173"),
    ],
)
def test_what_is_taken(name: str, value: str) -> None:
    """What could be meant is taken."""
    Settings.from_env({name: value})


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"GATEWAY_AUTH__ISSUER": "x"}, "^GATEWAY_AUTH__ISSUER without GATEWAY_AUTH__JWKS_URL"),
        ({"GATEWAY_AUTH__AUDIENCE": "x"}, "^GATEWAY_AUTH__AUDIENCE without GATEWAY_AUTH__JWKS_URL"),
        ({"GATEWAY_METRICS__PORT": "8000"}, "GATEWAY_METRICS__PORT and GATEWAY_PORT are both 8000"),
    ],
)
def test_settings_that_do_not_fit(env: dict[str, str], words: str) -> None:
    """What is right alone and wrong together is refused by both names."""
    with pytest.raises(SettingsError, match=words):
        Settings.from_env(env)


def test_half_a_rosetta() -> None:
    """Rosetta needs its address and both keys; the missing ones are named."""
    with pytest.raises(SettingsError, match=r"GATEWAY_ROSETTA__ACCESS_KEY, GATEWAY_ROSETTA__SECRET_KEY missing"):
        Settings.from_env({"GATEWAY_ROSETTA__BASE_URL": "https://rosetta.example/rosetta-open"})


def test_secrets_hide_themselves() -> None:
    """Neither the settings' repr nor a complaint about them shows a secret."""
    settings = Settings.from_env({"GATEWAY_SCALE__API_KEY": "live_planted"})

    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"GATEWAY_SCALE__API_KEY": "live_planted", "GATEWAY_PORT": "live_planted"})

    assert "live_planted" not in repr(settings) + str(settings) + str(refused.value)


def test_empty_means_not_set() -> None:
    """An empty variable counts as not set: compose files cannot unset one."""
    assert Settings.from_env({"GATEWAY_SCALE__API_KEY": ""}).scale.api_key is None
