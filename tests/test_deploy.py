"""What deploy/ and the Dockerfile say is true, as far as a machine without containers can tell."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from benchmarks.running.processes import free_port
from gateway.demo import DEMO_ENVIRONMENT
from gateway.settings import Settings
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# The image's own user; any other than root would do.
USER = 10001


def read_yaml(text: str) -> Any:
    return yaml.safe_load(text)  # type: ignore[no-untyped-call]  # PyYAML has no types


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = read_yaml((DEPLOY / "compose.yaml").read_text())
    return found


def test_the_gateways_of_the_compose_file_can_start(compose: Mapping[str, Any]) -> None:
    """Two gateways over Redis, the sandbox as both vendors: their settings are taken, their files are there."""
    services = compose["services"]
    gateways = [service for name, service in services.items() if name.startswith("gateway-")]

    assert {"redis", "sandbox", "gateway-1", "gateway-2"} <= set(services)
    for service in gateways:
        settings = Settings.from_env(service["environment"])
        assert settings.cache.redis_url == "redis://redis:6379/0"
        assert settings.scale.base_url.host == "sandbox"
        assert service["read_only"] is True
        assert float(service["stop_grace_period"].removesuffix("s")) > settings.drain_s
    mounted = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())]
    assert [path for path in mounted if not (DEPLOY / path).exists()] == []


def test_the_sandbox_has_the_credentials_of_the_compose_file(compose: Mapping[str, Any]) -> None:
    """The made-up keys are those that the sandbox takes, on the ports that it is told to listen on."""
    sandbox, environment = compose["services"]["sandbox"], compose["services"]["gateway-1"]["environment"]
    options = dict(zip(sandbox["command"][1::2], sandbox["command"][2::2], strict=True))
    demo = {name: value for name, value in DEMO_ENVIRONMENT.items() if name.endswith("_KEY")}

    assert {name: environment[name] for name in demo} == demo
    assert f":{options['--scale-port']}/v1" in environment["GATEWAY_SCALE__BASE_URL"]
    assert f":{options['--rosetta-port']}/rosetta-open" in environment["GATEWAY_ROSETTA__BASE_URL"]


def test_prometheus_asks_the_port_of_the_metrics(compose: Mapping[str, Any]) -> None:
    """Its targets are the gateways of the compose file, on GATEWAY_METRICS__PORT."""
    targets = read_yaml((DEPLOY / "prometheus.yaml").read_text())["scrape_configs"][0]["static_configs"][0]
    port = compose["services"]["gateway-1"]["environment"]["GATEWAY_METRICS__PORT"]

    assert targets["targets"] == [f"gateway-1:{port}", f"gateway-2:{port}"]


# The Dockerfile's steps, without an engine


def test_the_image_runs_as_nobody_in_particular() -> None:
    """The last user is a number, not root: Kubernetes can check it."""
    assert re.findall(r"(?m)^USER (.*)$", DOCKERFILE)[-1] == f"{USER}:{USER}"
    assert 'ENTRYPOINT ["task-gateway"]' in DOCKERFILE


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """The tree that the build stage copies, in a place that everyone may read and nobody may write.

    The installed distributions are this environment's: pip and the hashes of the lock are not this test's business.
    """
    with tempfile.TemporaryDirectory(prefix="task-gateway-image-") as directory:
        tree = Path(directory)
        stage = DOCKERFILE.split("FROM ")[1]
        for line in re.findall(r"(?m)^COPY (.*)$", stage):
            *names, target = shlex.split(line)
            for name in names:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, tree / target)
                else:
                    shutil.copy(ROOT / name, tree / target / name)
        subprocess.run(["chmod", "-R", "a+rX,a-w", directory], check=True)
        yield tree
        subprocess.run(["chmod", "-R", "u+w", directory], check=True)


# Reads what others may not, as an interpreter may lie in somebody's home; writes nothing more than any other user.
AS_USER = (
    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"),
    *(
        "--bounding-set=-all,+dac_read_search",
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search",
    ),
)


@pytest.mark.timeout(300)
@pytest.mark.root
def test_it_serves_as_that_user_from_a_tree_that_it_cannot_write(image: Path, tmp_path: Path) -> None:
    """As the image's user, with nothing writable, it passes the image's own health check, and stops with 0."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{image}:{_site_packages()}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "GATEWAY_SCALE__API_KEY": "live_made_up",
        "GATEWAY_DRAIN_S": "1",
    }
    log = tmp_path / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*AS_USER, sys.executable, "-P", "-m", "gateway", "serve"],
            cwd="/",
            env=environment,
            stdout=written,
            stderr=written,
        )
    try:
        _wait(port, process, log)
        checked = subprocess.run(_health_check(), env=environment, check=False, capture_output=True)
        owned = Path(f"/proc/{process.pid}/status").read_text()
    finally:
        process.terminate()
        code = process.wait(30)

    assert checked.returncode == 0, checked.stderr
    assert f"Uid:\t{USER}" in owned
    assert code == 0, log.read_text()


def _health_check() -> list[str]:
    """The HEALTHCHECK's command, with this Python."""
    found = re.search(r"HEALTHCHECK[^\[]*(\[.*\])", DOCKERFILE)
    assert found is not None
    command: list[str] = read_yaml(found[1])
    return [sys.executable, *command[1:]]


def _site_packages() -> str:
    return str(Path(httpx.__file__).parents[1])


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    def lives() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(lives, "it does not live", 180)
