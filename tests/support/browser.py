"""Chromium for the browser tests; run as a script, the module installs one where there is none.

Debian's when we are root and apt is there, else Playwright's own; without either it says so, and the tests that
need a browser are skipped with that reason.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "curl", "libatomic1")  # the last for Playwright's driver
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MISSING = "no Chromium: install it (apt-get install chromium, or python -m playwright install chromium)"


def find() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    try:
        with sync_playwright() as playwright:
            bundled = playwright.chromium.executable_path
    except Exception:  # its driver did not start; it has said why
        return None
    return bundled if Path(bundled).is_file() else None


def install() -> str | None:
    """Return the path of a Chromium, installed if needed, or None where that fails."""
    if any(shutil.which(name) for name in NAMES):
        return find()
    if os.geteuid() == 0 and shutil.which("apt-get"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", *PACKAGES]):
            if subprocess.run(command, env=env, stdout=subprocess.DEVNULL).returncode:
                break
        if path := find():
            return path
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    return find()


if __name__ == "__main__":
    print(f"browser tests: {install() or MISSING}")
