"""The product's own defaults and models, read from its files so that both sides use the same.

Thresholds that `config/default.toml` does not hold stand in the files that apply them.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from errors import BaselineError

ROOT = Path(__file__).resolve().parents[2]
# Tasks of the models that look at pictures, in the order in which observations name them.
TASKS = ("face", "mesh", "iris", "person")


def defaults() -> dict[str, Any]:
    return tomllib.loads((ROOT / "config" / "default.toml").read_text())


class Manifest:
    """The models that are used by default, checked against the manifest."""

    def __init__(self, person_model: str) -> None:
        self._folder = ROOT / "models"
        manifest = tomllib.loads((self._folder / "manifest.toml").read_text())
        self.runtime: str = manifest["runtime"]["version"]
        entries = {
            entry["task"]: entry
            for entry in manifest["model"]
            if entry["task"] != "person" or entry["name"] == person_model
        }
        self.entries: dict[str, dict[str, Any]] = {task: entries[task] for task in TASKS}

    def content(self, task: str) -> bytes:
        """The bytes of a model, proved to be the expected ones."""
        entry = self.entries[task]["onnx"]
        path = self._folder / entry["file"]
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise BaselineError(f"there is no {path}: run `make setup`") from None
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise BaselineError(f"{path} is not what the manifest describes: run `make setup`")
        return content

    def references(self) -> list[dict[str, str]]:
        """What observations say about who looked."""
        return [
            {
                "task": task,
                "name": entry["name"],
                "version": entry["version"],
                "sha256": entry["onnx"]["sha256"],
            }
            for task, entry in self.entries.items()
        ]
