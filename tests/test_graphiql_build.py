"""GraphiQL's built files are what its sources build."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILT = "gateway/static/graphiql"


@pytest.mark.node
@pytest.mark.timeout(600)
def test_build_is_reproducible(tmp_path: Path) -> None:
    """From a clean copy of the sources and the lock, Vite builds the committed files byte for byte."""
    sources = tmp_path / "graphiql"
    shutil.copytree(ROOT / "graphiql", sources, ignore=shutil.ignore_patterns("node_modules"))

    _run("npm", "ci", "--ignore-scripts", folder=sources)
    _run("npm", "run", "build", folder=sources)

    committed, built = _contents(ROOT / BUILT), _contents(tmp_path / BUILT)
    assert sorted(built) == sorted(committed)
    assert [name for name, content in built.items() if content != committed[name]] == []


def _run(*command: str, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
