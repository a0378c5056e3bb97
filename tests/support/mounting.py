"""Commands that see another file system in the place of a folder."""

import subprocess
from collections.abc import Mapping, Sequence

import pytest

from tests.support import ROOT


def with_mounted(
    *mount: str, command: Sequence[str], env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command after `mount` with these arguments, which only it sees. Skip the test where that is not allowed."""
    unshared = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*unshared, "mount", *mount], capture_output=True).returncode:
        pytest.skip("needs a private mount namespace")
    script = 'n=$1; shift; mount "${@:1:n}" && shift "$n" && exec "$@"'
    return subprocess.run(
        [*unshared, "bash", "-c", script, "bash", str(len(mount)), *mount, *command],
        cwd=ROOT, env=env, capture_output=True, text=True,
    )  # fmt: skip
