#!/usr/bin/env python3
"""Writes what the image consists of, and under which terms, as SPDX 2.3 in JSON:

    sbom.py ROOT [ROOT_OF_LIBAV] > invigilator.spdx.json

Reads what rootfs.py assembled: Debian packages (and what their copyright files say), crates of the program as Cargo
resolved them, ONNX Runtime and the models. Not responsible for what is in the image. The same root, lock file and
SOURCE_DATE_EPOCH give the same bytes.
"""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent


def package(kind, name, version, licence, **more):
    """An entry of the document; `licence` is an SPDX expression or unknown."""
    identifier = re.sub(r"[^A-Za-z0-9.-]", "-", f"SPDXRef-{kind}-{name}-{version}")
    return {
        "SPDXID": identifier,
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence or "NOASSERTION",
        "copyrightText": "NOASSERTION",
        **more,
    }


def reference(locator):
    return [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}]


def debian(root):
    """Packages of Debian, with the names of the licences in their copyright files."""
    for described in sorted((root / "var/lib/dpkg/status.d").iterdir()):
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+): (.*)$", described.read_text()))
        text = (root / "usr/share/doc" / fields["Package"] / "copyright").read_text(errors="replace")
        names = sorted(set(re.findall(r"(?m)^License: *(\S.*)$", text)))
        names += sorted(set(re.findall(r"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])", text)))
        name, version = fields["Package"], fields["Version"]
        locator = f"pkg:deb/debian/{name}@{version}?arch={fields['Architecture']}&distro=bookworm"
        comment = "licences named in its copyright file: " + "; ".join(dict.fromkeys(names))
        yield package("deb", name, version, None, licenseComments=comment, externalRefs=reference(locator))


def crates():
    """What the program is linked from: dependencies of dependencies, but not those of tests and builds."""
    machine = re.search(r"host: (.*)", subprocess.check_output(["rustc", "-vV"], text=True)).group(1)
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", machine]
    metadata = json.loads(subprocess.check_output(command, cwd=REPOSITORY))
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    linked, waiting = set(), [metadata["resolve"]["root"]]
    while waiting:
        one = waiting.pop()
        if one in linked:
            continue
        linked.add(one)
        for dependency in nodes[one]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    for crate in sorted(metadata["packages"], key=lambda crate: (crate["name"], crate["version"])):
        if crate["id"] in linked:
            licence = (crate["license"] or "").replace("/", " OR ")
            more = {}
            if crate["source"]:
                more["externalRefs"] = reference(f"pkg:cargo/{crate['name']}@{crate['version']}")
            yield package("crate", crate["name"], crate["version"], licence, **more)


def weights(root):
    """The models and what runs them."""
    folder = root / "opt/invigilator/models"
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    runtime = manifest["runtime"]
    parts = [(runtime["name"], runtime["version"], runtime["licence"], runtime["library"], None)]
    for model in manifest["model"]:
        terms = f"data that it was trained on: {model['training_data_terms']}"
        parts.append((model["name"], model["version"], model["licence"], f"onnx/{model['name']}.onnx", terms))
    for name, version, licence, file, terms in parts:
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        more = {"comment": terms} if terms else {}
        sums = [{"algorithm": "SHA256", "checksumValue": digest}]
        yield package("model", name, version, licence, checksums=sums, **more)


def main():
    roots = [pathlib.Path(argument) for argument in sys.argv[1:]]
    packages = [entry for root in roots for entry in debian(root)]
    packages += [*crates(), *weights(roots[0])]
    program = next(entry for entry in packages if entry["name"] == "invigilator")
    digest = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    created = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", program["SPDXID"])]
    relations += [(program["SPDXID"], "DEPENDS_ON", entry["SPDXID"]) for entry in packages if entry is not program]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"invigilator-{program['versionInfo']}",
        "documentNamespace": f"https://spdx.org/spdxdocs/invigilator-{digest}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: sbom.py"]},
        "packages": packages,
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
            for one, kind, other in relations
        ],
    }
    json.dump(document, sys.stdout, indent=1)
    print()


main()
