"""Makes the JSON schemas that kubeconform checks manifests against.

    schemas.py CORE CRDS OUT

Responsible for: Kubernetes' own kinds (CORE, a folder of the package kubernetes-validate) in the form that
kubeconform reads, and kinds of operators (CRDS, a folder of CustomResourceDefinitions) as strict schemas. Not for:
where they come from, see setup.sh.
"""

import json
import sys
from pathlib import Path

import yaml


class Loader(yaml.SafeLoader):
    """YAML in which a bare `=` is text, as one of the definitions has it."""


Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


def core(folder: Path, out: Path) -> None:
    """Without `$schema`, which kubeconform would fetch, and with references to the file beside."""
    for path in folder.glob("*.json"):
        text = path.read_text().replace("/api/_definitions.json#", "_definitions.json#")
        schema = json.loads(text)
        schema.pop("$schema", None)
        (out / path.name).write_text(json.dumps(schema))


def strict(schema: object) -> object:
    """The same schema, in which keys that it does not name are mistakes, as the API server takes them."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"oneOf": [{"type": "integer"}, {"type": "string"}]}
    schema = {key: strict(part) for key, part in schema.items()}
    closed = not schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema and closed:
        schema["additionalProperties"] = False
    return schema


def custom(folder: Path, out: Path) -> None:
    """One file for each version of each kind."""
    for path in sorted(folder.glob("*.yaml")):
        for definition in yaml.load_all(path.read_text(), Loader):
            if not definition or definition.get("kind") != "CustomResourceDefinition":
                continue
            spec = definition["spec"]
            for version in spec["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                # What every object has, and definitions leave out.
                schema["properties"] |= {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"type": "object"},
                }
                group = spec["group"].split(".")[0]
                name = f"{spec['names']['kind']}-{group}-{version['name']}.json".lower()
                (out / name).write_text(json.dumps(schema))


if __name__ == "__main__":
    source, definitions, target = map(Path, sys.argv[1:4])
    target.mkdir(parents=True, exist_ok=True)
    core(source, target)
    custom(definitions, target)
