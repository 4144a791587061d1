"""The Containerfile: the wheel in an image, run by a user that is not root, with its own Postgres.

HARNESS_BASE_IMAGE names the base; a stand-in holds all packages, where no image and no package can be pulled.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "rollout-harness:test"


@pytest.mark.docker
def test_the_container_proves_as_a_user_that_is_not_root(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="no hatchling, which makes the wheel; tox -e docker has it")
    import docker
    from docker.errors import ContainerError

    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(wheel, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=120)
    shutil.copy(ROOT / "Containerfile", tmp_path)
    base = os.environ.get("HARNESS_BASE_IMAGE")
    arguments = {"BASE": base, "PIP_NO_INDEX": "1"} if base else {}
    client = docker.from_env()
    client.images.build(
        path=str(tmp_path), dockerfile="Containerfile", buildargs=arguments, tag=IMAGE, rm=True
    )

    def run(*words: str, entry: str | None = None) -> str:
        try:
            output: bytes = client.containers.run(IMAGE, list(words), entrypoint=entry, remove=True)
        except ContainerError as error:
            pytest.fail(f"{' '.join(words)}: {error.exit_status}: {error.stderr.decode()[-2000:]}")
        return output.decode()

    assert run("-u", entry="id").strip() == "10001"
    assert run("--version").startswith("harness, version ")
    assert run("prove", "--level", "smoke").splitlines()[-1].startswith("GO: ")
