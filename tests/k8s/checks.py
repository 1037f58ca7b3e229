"""Checks manifests for what this program needs and no general tool knows.

    checks.py --program INVIGILATOR OVERLAY.yaml...

Each function that begins with `check_` is one rule: it takes an overlay and yields what is against it. Responsible
for: rules that tie manifests to the program, its settings and its topics. Not for: kinds and keys (kubeconform),
habits (kube-score), what a control plane makes of them (cluster.sh).
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
# How long giving up takes after the drain deadline has passed (LET_GO_WITHIN in pipeline/worker/attend.rs).
LET_GO_S = 3


class Overlay:
    """All objects of one overlay, and the settings that each pod gets."""

    def __init__(self, path: Path, program: str):
        self.name = path.stem
        self.program = program
        self.objects = [item for item in yaml.safe_load_all(path.read_text()) if item]

    def of(self, *kinds: str) -> list[dict]:
        return [item for item in self.objects if item["kind"] in kinds]

    def workloads(self) -> list[dict]:
        return self.of("Deployment", "StatefulSet")

    def scalers(self) -> Iterator[tuple[dict, int]]:
        """What decides on the number of a workload's pods, and the most that it may say."""
        for item in self.of("ScaledObject"):
            yield item, item["spec"]["maxReplicaCount"]
        for item in self.of("HorizontalPodAutoscaler"):
            yield item, item["spec"]["maxReplicas"]

    def files(self, workload: dict) -> dict[str, str]:
        """The files that the pods of a workload find in /etc/invigilator, secrets aside."""
        volumes = {volume["name"]: volume for volume in pod(workload)["volumes"]}
        names = [source["configMap"]["name"] for source in volumes["config"]["projected"]["sources"] if "configMap" in source]
        maps = {item["metadata"]["name"]: item["data"] for item in self.of("ConfigMap")}
        return {file: text for name in names for file, text in maps[name].items()}

    def settings(self, workload: dict) -> dict:
        """What the file of settings says, and what the environment says besides."""
        settings = tomllib.loads(self.files(workload)["settings.toml"])
        for name, value in environment(workload).items():
            if name.startswith("INVIGILATOR__"):
                section, key = name.lower().split("__")[1:]
                settings.setdefault(section, {})[key] = value
        return settings


def pod(workload: dict) -> dict:
    return workload["spec"]["template"]["spec"]


def container(workload: dict) -> dict:
    (only,) = pod(workload)["containers"]
    return only


def name_of(item: dict) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


def environment(workload: dict) -> dict[str, str]:
    """The environment of a container, as the kubelet makes it."""
    values = {}
    for variable in container(workload).get("env", []):
        source = variable.get("valueFrom") or {}
        if "resourceFieldRef" in source:
            resource = source["resourceFieldRef"]["resource"].removeprefix("limits.")
            values[variable["name"]] = cores(container(workload)["resources"]["limits"][resource])
        elif "fieldRef" in source:
            values[variable["name"]] = workload["metadata"]["name"] + "-0"
        else:
            values[variable["name"]] = variable["value"]
    return values


def cores(quantity: str) -> str:
    """Cores, rounded up as a resourceFieldRef with the divisor 1 is."""
    return str(-(-int(quantity.removesuffix("m")) // 1000) if quantity.endswith("m") else int(quantity))


def check_settings_are_accepted(overlay: Overlay) -> Iterator[str]:
    for workload in overlay.workloads():
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(overlay.files(workload)["settings.toml"])
            file.flush()
            given = {key: value for key, value in os.environ.items() if not key.startswith("INVIGILATOR")}
            given |= environment(workload) | {"INVIGILATOR_CONFIG": file.name}
            done = subprocess.run([overlay.program, "check-config"], env=given, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            yield f"{name_of(workload)}: settings are refused:\n{done.stdout}{done.stderr}"


def check_pods_may_finish(overlay: Overlay) -> Iterator[str]:
    for workload in overlay.workloads():
        section = "gateway" if container(workload)["args"][0] == "gateway" else "worker"
        drain = int(overlay.settings(workload)[section]["drain_deadline_ms"]) / 1000
        before = container(workload).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        grace = pod(workload)["terminationGracePeriodSeconds"]
        if grace < before + drain + LET_GO_S + 5:
            yield f"{name_of(workload)}: {grace} s are too short for {before} s of preStop and {drain} s of draining"


def check_one_owner_of_the_number_of_pods(overlay: Overlay) -> Iterator[str]:
    targets: dict[tuple, int] = {}
    for scaler, _ in overlay.scalers():
        target = scaler["spec"]["scaleTargetRef"]
        key = (target["kind"], target["name"])
        targets[key] = targets.get(key, 0) + 1
    for key, count in targets.items():
        if count > 1:
            yield f"{key[0]} {key[1]} is scaled by {count} objects"
    for workload in overlay.workloads():
        key = (workload["kind"], workload["metadata"]["name"])
        if key in targets and "replicas" in workload["spec"]:
            yield f"{name_of(workload)}: `replicas` fights with what scales it"


def check_partitions_are_enough(overlay: Overlay) -> Iterator[str]:
    topics = {topic["spec"]["partitions"] for topic in overlay.of("KafkaTopic")}
    if len(topics) > 1:
        yield f"topics have different numbers of partitions: {sorted(topics)}"
    for scaler, most in overlay.scalers():
        if scaler["spec"]["scaleTargetRef"]["name"] != "observe":
            continue
        partitions = int(scaler["metadata"].get("annotations", {}).get("invigilator/partitions", 0))
        if partitions < 2 * most:
            yield f"{name_of(scaler)}: {most} pods want {2 * most} partitions, there are {partitions}"
        if topics and topics != {partitions}:
            yield f"{name_of(scaler)} says {partitions} partitions, topics have {sorted(topics)}"
    for workload in overlay.of("StatefulSet"):
        if topics and workload["spec"]["replicas"] * 2 > min(topics):
            yield f"{name_of(workload)}: more than half as many pods as partitions"


def check_autoscalers_ask_where_pods_work(overlay: Overlay) -> Iterator[str]:
    code = "".join(path.read_text() for path in (ROOT / "pipeline/worker/telemetry").rglob("metrics*/**/*.rs"))
    code += (ROOT / "pipeline/worker/telemetry/metrics.rs").read_text()
    for scaled in overlay.of("ScaledObject"):
        target = scaled["spec"]["scaleTargetRef"]["name"]
        (workload,) = [item for item in overlay.workloads() if item["metadata"]["name"] == target]
        settings = overlay.settings(workload)["kafka"]
        prefix, group = settings.get("topic_prefix", "exam"), settings.get("group_prefix", "invigilator")
        for trigger in scaled["spec"]["triggers"]:
            metadata = trigger["metadata"]
            if trigger["type"] == "kafka":
                there = (host(settings["brokers"]), f"{prefix}.segments", f"{group}-{target}")
                asked = (host(metadata["bootstrapServers"]), metadata["topic"], metadata["consumerGroup"])
                if there != asked:
                    yield f"{name_of(scaled)}: asks {asked}, pods work on {there}"
            for metric in re.findall(r"invigilator_(\w+)", metadata.get("query", "")):
                if f'"{metric}"' not in code:
                    yield f"{name_of(scaled)}: there is no metric invigilator_{metric}"


def host(brokers: str) -> str:
    """Brokers without the domain of the cluster, which one needs from another namespace."""
    return brokers.replace(".invigilator.svc:", ":")


def check_scaling_in_is_slow(overlay: Overlay) -> Iterator[str]:
    for scaler in overlay.of("ScaledObject", "HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        if scaler["kind"] == "ScaledObject":
            spec = spec["advanced"]["horizontalPodAutoscalerConfig"]
            if scaler["spec"]["minReplicaCount"] < 1:
                yield f"{name_of(scaler)}: scales to zero"
        if spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] < 300:
            yield f"{name_of(scaler)}: every pod that goes moves partitions: wait five minutes at least"


def check_cron_floors_do_not_overlap(overlay: Overlay) -> Iterator[str]:
    for scaled in overlay.of("ScaledObject"):
        crons = [trigger["metadata"] for trigger in scaled["spec"]["triggers"] if trigger["type"] == "cron"]
        for cron in crons:
            if int(cron["desiredReplicas"]) > scaled["spec"]["maxReplicaCount"]:
                yield f"{name_of(scaled)}: {cron['start']} wants {cron['desiredReplicas']} pods"
        # Of floors at the same time the largest counts, not their sum: `invigilator plan` adds them up beforehand.
        starts = [cron["start"] for cron in crons]
        if len(starts) != len(set(starts)):
            yield f"{name_of(scaled)}: two floors begin at the same time"


def check_images_are_pinned(overlay: Overlay) -> Iterator[str]:
    for workload in overlay.workloads():
        image = container(workload)["image"]
        if overlay.name != "dev" and "@sha256:" not in image:
            yield f"{name_of(workload)}: {image} is not named by its digest"
        if overlay.name == "dev" and image == "invigilator":
            yield f"{name_of(workload)}: the image has no `images:` entry"


def check_room_is_bounded(overlay: Overlay) -> Iterator[str]:
    for workload in overlay.workloads():
        for volume in pod(workload)["volumes"]:
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{name_of(workload)}: the volume {volume['name']} has no sizeLimit"


def check_observers_get_whole_cores(overlay: Overlay) -> Iterator[str]:
    for workload in overlay.workloads():
        limits, requests = (container(workload)["resources"][which] for which in ("limits", "requests"))
        if workload["metadata"]["name"] == "observe" and overlay.name != "dev":
            if limits != requests or not limits["cpu"].isdigit():
                yield f"{name_of(workload)}: not pinned to cores: requests must equal limits, in whole cores"


def check_names_of_processes(overlay: Overlay) -> Iterator[str]:
    for workload in overlay.of("StatefulSet"):
        given = environment(workload)
        if given.get("INVIGILATOR__KAFKA__STATIC_MEMBERSHIP") != "true":
            yield f"{name_of(workload)}: brokers do not know its pods again"
        if "INVIGILATOR__KAFKA__INSTANCE" not in given:
            yield f"{name_of(workload)}: its transactions have no stable name"


def check_rights_are_those_of_the_program(overlay: Overlay) -> Iterator[str]:
    roles = {"cut", "observe", "score", "gateway"}
    for user in overlay.of("KafkaUser"):
        role = user["metadata"]["name"].removeprefix("kafka-")
        if role not in roles:
            continue
        done = subprocess.run(
            [overlay.program, "topics", "acls", "--role", role, "--principal", f"User:CN={user['metadata']['name']}"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )
        wanted = {right(line) for line in done.stdout.splitlines()}
        has = {
            (acl["resource"]["type"].lower(), acl["resource"]["name"], acl["resource"]["patternType"], operation)
            for acl in user["spec"]["authorization"]["acls"] for operation in acl["operations"]
        }
        wanted = {(kind, name, pattern, operation) for kind, name, pattern, operations in wanted for operation in operations}
        for more in sorted(has - wanted):
            yield f"{name_of(user)} may {more}, and `topics acls` says no"
        for less in sorted(wanted - has):
            yield f"{name_of(user)} may not {less}, and `topics acls` says yes"


def right(command: str) -> tuple:
    """What one command of `topics acls` allows: (kind, name, pattern, operations)."""
    words = command.split()
    after = {word: words[at + 1] for at, word in enumerate(words) if word.startswith("--") and at + 1 < len(words)}
    kind = next(kind for kind in ("topic", "group", "transactional-id") if f"--{kind}" in after)
    operations = tuple(words[at + 1] for at, word in enumerate(words) if word == "--operation")
    pattern = after.get("--resource-pattern-type", "literal").replace("prefixed", "prefix")
    return kind.replace("-", ""), after[f"--{kind}"], pattern, operations


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("overlays", nargs="+", type=Path)
    arguments = parser.parse_args()
    rules = [rule for name, rule in globals().items() if name.startswith("check_")]
    program = str(Path(arguments.program).resolve())
    found = 0
    for path in arguments.overlays:
        overlay = Overlay(path, program)
        for rule in rules:
            for problem in rule(overlay):
                found += 1
                print(f"test-k8s: {overlay.name}: {problem}", file=sys.stderr)
    passed = len(rules) * len(arguments.overlays) - found
    print(f"{max(passed, 0)} passed, {found} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
