"""Relay's own compiler takes the schema: every connection can be paginated, every Node refetched."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from graphql import GraphQLObjectType, get_named_type, is_object_type
from graphql import build_schema as build_from_sdl

from schema import build_schema

HERE = Path(__file__).parent / "relay"

pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A front end's project with Relay's compiler installed from the lock file."""
    project = tmp_path_factory.mktemp("relay") / "project"
    shutil.copytree(HERE, project, ignore=shutil.ignore_patterns("node_modules"))
    (project / "schema.graphql").write_text(build_schema().as_str())
    config = {"src": "src", "schema": "schema.graphql", "language": "javascript", "eagerEsModules": True}
    (project / "relay.config.json").write_text(json.dumps(config))
    run(project, "npm", "ci", "--no-audit", "--no-fund")
    return project


def run(project: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_containers_compile(project: Path) -> None:
    """A pagination container for every connection and a refetch container for every type behind `node` compile."""
    run(project, "npx", "--no-install", "relay-compiler")

    compiled = {path.name.split(".")[0] for path in (project / "src" / "__generated__").glob("*.graphql.js")}
    asked_for = set(re.findall(r'queryName: "(\w+)"', (HERE / "src" / "containers.js").read_text()))
    assert asked_for <= compiled


def test_a_wrong_container_does_not(project: Path) -> None:
    """The compiler would have noticed: a connection that lacks what Relay needs is refused."""
    wrong = project / "src" / "wrong.js"
    wrong.write_text(
        "import { graphql } from 'relay-runtime';\n"
        'graphql`fragment wrong_projects on Query { projects(first: 1) @connection(key: "wrong_projects") '
        "{ edges { node { name } } } }`;\n"
    )
    done = subprocess.run(
        ["npx", "--no-install", "relay-compiler"], cwd=project, capture_output=True, text=True, check=False, timeout=500
    )
    wrong.unlink()

    assert done.returncode != 0


def test_no_list_is_left_out() -> None:
    """Each field that is a connection, and each type that is a Node, has its container."""
    schema = build_from_sdl(build_schema().as_str())
    ours = [it for it in schema.type_map.values() if is_object_type(it) and not it.name.startswith("__")]
    text = (HERE / "src" / "containers.js").read_text()
    fragments = re.findall(r"fragment \w+ on (\w+)(.*?)`;", text, re.DOTALL)

    def is_paginated(type_: GraphQLObjectType, field: str) -> bool:
        return any(on == type_.name and re.search(rf"{field}\([^)]*\) @connection", body) for on, body in fragments)

    connections = [
        (type_, name)
        for type_ in ours
        for name, field in type_.fields.items()
        if get_named_type(field.type).name.endswith("Connection")
    ]
    nodes = {it.name for it in ours if any(interface.name == "Node" for interface in it.interfaces)}
    assert len(connections) == 3
    assert [(type_.name, name) for type_, name in connections if not is_paginated(type_, name)] == []
    assert nodes <= {on for on, body in fragments if "@refetchable" in body and "@connection" not in body}
