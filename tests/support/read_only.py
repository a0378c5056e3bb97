"""Commands that see folders read-only, even as root: by mounts in a private namespace."""

import os
import shutil
import subprocess
from pathlib import Path
from shlex import quote

import pytest


def read_only(*folders: Path) -> tuple[str, ...]:
    """Return the prefix of a command that sees these folders, and everything in them, read-only.

    Skip the test where the system does not allow that.
    """
    mounts = []
    for folder in map(os.path.realpath, folders):
        if not os.path.ismount(folder):
            mounts.append(f"mount --bind {quote(folder)} {quote(folder)}")
        mounts.append(f"mount -o remount,ro,bind {quote(folder)}")
    for namespace in ("-m", "-rm"):
        prefix = ("unshare", namespace, "sh", "-c", f'{" && ".join(mounts)} && exec "$@"', "sh")
        if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return prefix
    pytest.skip("needs the right to mount folders read-only in a private namespace")
