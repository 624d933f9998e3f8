"""task-gateway: demo, serve, sandbox, schema, check, export.

Exit codes: 0 fine, 1 failed, 2 wrong usage or settings.
"""

import argparse
import asyncio
import ipaddress
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from gateway.app import task_lister
from gateway.check import check_backends
from gateway.demo import (
    DEMO_ENVIRONMENT,
    DEMO_QUERIES,
    ROSETTA_ACCESS_KEY,
    ROSETTA_SECRET_KEY,
    SCALE_KEY,
    DemoSandbox,
    create_demo_app,
)
from gateway.env_file import read_env_file
from gateway.export.command import ExportOptions, export
from gateway.export.filter import parse_filter
from gateway.export.rows import Format
from gateway.sandbox.clock import SandboxClock
from gateway.server import DrainingServer, server_config
from gateway.settings import PREFIX, Anonymous, Settings, SettingsError
from gateway.telemetry import set_up_logging
from gateway.workers import run_server, run_workers
from schema import build_schema, build_subgraph_sdl
from schema.errors import GatewayError

_FAILED = 1
_WRONG_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    options = _parser().parse_args(_with_cursor(sys.argv[1:] if arguments is None else arguments))
    try:
        return int(options.command(options))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return _WRONG_USAGE


def _with_cursor(arguments: Sequence[str]) -> list[str]:
    """The arguments, a cursor joined to its option: one in 64 begins with a dash, an option to argparse."""
    given = list(arguments)
    if "--after" in given[:-1]:
        position = given.index("--after")
        given[position : position + 2] = [f"--after={given[position + 1]}"]
    return given


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="task-gateway", description="One GraphQL endpoint over Rosetta and Scale AI.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="the whole gateway, both backends emulated in process, no credentials")
    demo.add_argument("--port", type=_port, default=8000)
    demo.set_defaults(command=_demo)

    serve = commands.add_parser("serve", help="the gateway, configured by GATEWAY_* variables")
    serve.add_argument("--env-file", type=Path, help="a file of NAME=value lines; the environment wins over it")
    serve.add_argument(
        "--insecure",
        action="store_true",
        help="listen beyond loopback although callers need no credentials",
    )
    serve.set_defaults(command=_serve)

    sandbox = commands.add_parser("sandbox", help="the two emulators alone, on ports")
    sandbox.add_argument("--host", default="127.0.0.1")
    sandbox.add_argument("--scale-port", type=_port, default=9101)
    sandbox.add_argument("--rosetta-port", type=_port, default=9102)
    sandbox.set_defaults(command=_sandbox)

    schema = commands.add_parser("schema", help="print the schema in GraphQL's schema language")
    schema.add_argument("--federation", action="store_true", help="as a subgraph of Apollo Federation v2")
    schema.set_defaults(command=_schema)

    check = commands.add_parser("check", help="ask each configured backend one harmless question")
    check.add_argument("--env-file", type=Path, help="a file of NAME=value lines; the environment wins over it")
    check.set_defaults(command=_check)

    export = commands.add_parser("export", help="a whole filtered list of tasks, one a line")
    export.add_argument("--filter", default="{}", help="a TaskFilter as JSON, as the field `tasks` takes it")
    export.add_argument("--format", choices=[format.value for format in Format], default=Format.NDJSON.value)
    export.add_argument("--output", type=Path, help="a file, begun anew, or appended to with --after; default: stdout")
    export.add_argument("--after", metavar="CURSOR", help="go on behind this cursor, with the same filter")
    export.add_argument("--env-file", type=Path, help="a file of NAME=value lines; the environment wins over it")
    export.set_defaults(command=_export)
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: it takes 0 (any that is free) to 65535")
    return int(text)


def _demo(options: argparse.Namespace) -> int:
    settings = Settings.from_env({**DEMO_ENVIRONMENT, **_gateway_part(os.environ)})
    set_up_logging(settings.log_level, settings.log_format, settings.secrets())
    app = create_demo_app(settings, DemoSandbox(SandboxClock()))
    server = DrainingServer(server_config(app, "127.0.0.1", options.port, settings), app, 0)
    listening = server.bound()
    origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
    print(f"GraphiQL and GraphQL: {origin}{settings.root_path}/graphql\n\nThree queries to try:\n", flush=True)
    for query in DEMO_QUERIES:
        print(f"  {query}\n", flush=True)
    return server.run_to_the_end([listening])


def _serve(options: argparse.Namespace) -> int:
    environment = _environment(options.env_file)
    settings = Settings.from_env(environment)
    _refuse_open_house(settings, insecure=options.insecure)
    try:
        if settings.workers == 1:
            return run_server(settings)
        set_up_logging(settings.log_level, settings.log_format, settings.secrets())
        return run_workers(settings, environment)
    except OSError as error:
        raise SettingsError(f"{settings.host}: cannot listen there: {error.strerror or error}") from error


def _refuse_open_house(settings: Settings, *, insecure: bool) -> None:
    """Raises SettingsError where anyone on the network could ask without credentials, unless told to."""
    auth = settings.auth
    if insecure or auth.knows_callers or auth.anonymous is Anonymous.NONE or _is_loopback(settings.host):
        return
    raise SettingsError(
        f"{PREFIX}AUTH__ANONYMOUS lets anyone who reaches {settings.host} ask without credentials: set "
        f"{PREFIX}AUTH__API_KEYS or {PREFIX}AUTH__JWKS_URL, or say --insecure"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _sandbox(options: argparse.Namespace) -> int:
    with ExitStack() as held:
        listening = []
        for port in (options.scale_port, options.rosetta_port):
            try:
                listening.append(held.enter_context(_bound(options.host, port)))
            except (OSError, UnicodeError) as error:
                print(f"{options.host}, port {port}: cannot listen there: {_reason(error)}", file=sys.stderr)
                return _FAILED
        set_up_logging("info", None)
        sandbox = DemoSandbox(SandboxClock())
        scale, rosetta = (_origin(options.host, sock.getsockname()[1]) for sock in listening)
        print(f"GATEWAY_SCALE__BASE_URL={scale}/v1")
        print(f"GATEWAY_SCALE__API_KEY={SCALE_KEY}")
        print(f"GATEWAY_ROSETTA__BASE_URL={rosetta}/rosetta-open")
        print(f"GATEWAY_ROSETTA__ACCESS_KEY={ROSETTA_ACCESS_KEY}")
        print(f"GATEWAY_ROSETTA__SECRET_KEY={ROSETTA_SECRET_KEY}", flush=True)
        asyncio.run(_serve_sandbox(sandbox, listening))
    return 0


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises OSError, and UnicodeError for what cannot be a name."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = socket.getaddrinfo(host.strip("[]"), port, family, socket.SOCK_STREAM)[0][4]
    return socket.create_server(address, family=family)


def _origin(host: str, port: int) -> str:
    return f"http://[{host.strip('[]')}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reason(error: OSError | UnicodeError) -> str:
    # Python adds the address to what the system says.
    return str(getattr(error, "strerror", None) or error).partition(" (while ")[0]


async def _serve_sandbox(sandbox: DemoSandbox, listening: Sequence[socket.socket]) -> None:
    apps = (sandbox.scale.app, sandbox.rosetta.app)
    servers = [uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off")) for app in apps]
    moving = asyncio.create_task(sandbox.run())
    try:
        await asyncio.gather(*(server.serve([sock]) for server, sock in zip(servers, listening, strict=True)))
    finally:
        moving.cancel()
        await asyncio.wait([moving])


def _schema(options: argparse.Namespace) -> int:
    print(build_subgraph_sdl() if options.federation else build_schema().as_str())
    return 0


def _check(options: argparse.Namespace) -> int:
    settings = _settings(options.env_file)
    set_up_logging(settings.log_level, settings.log_format, settings.secrets())
    findings = asyncio.run(check_backends(settings))
    for finding in findings:
        print(finding.line)
    return 0 if all(finding.is_fine for finding in findings) else _FAILED


def _export(options: argparse.Namespace) -> int:
    settings = _settings(options.env_file)
    # Progress and what a backend could not answer are told by the export itself.
    set_up_logging("error", settings.log_format, settings.secrets())
    try:
        wanted = ExportOptions(parse_filter(options.filter), Format(options.format), options.output, options.after)
        return asyncio.run(_run_export(settings, wanted))
    except GatewayError as error:
        print(error.message, file=sys.stderr)
        return _WRONG_USAGE
    except OSError as error:
        print(f"--output: {error.strerror}", file=sys.stderr)
        return _FAILED


async def _run_export(settings: Settings, options: ExportOptions) -> int:
    async with task_lister(settings) as lister:
        return await export(lister, options)


def _settings(env_file: Path | None) -> Settings:
    return Settings.from_env(_environment(env_file))


def _environment(env_file: Path | None) -> dict[str, str]:
    from_file = {} if env_file is None else read_env_file(env_file)
    return {**from_file, **os.environ}


def _gateway_part(env: Mapping[str, str]) -> dict[str, str]:
    """The demo's backends are its own: credentials in the environment must not turn it on real accounts."""
    return {name: value for name, value in env.items() if not name.upper().startswith(_BACKEND_PREFIXES)}


_BACKEND_PREFIXES = ("GATEWAY_SCALE__", "GATEWAY_ROSETTA__")
