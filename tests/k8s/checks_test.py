"""Promise: every rule of checks.py finds what it is there to find.

    checks_test.py --program INVIGILATOR FOLDER      with the built overlays prod.yaml and staging.yaml
"""

import argparse
import copy
import sys
from collections.abc import Callable
from pathlib import Path

import checks


def find(objects: list[dict], kind: str, name: str) -> dict:
    (item,) = [item for item in objects if item["kind"] == kind and item["metadata"]["name"] == name]
    return item


def observe(objects: list[dict]) -> dict:
    return find(objects, "Deployment", "observe")


def scaled(objects: list[dict]) -> dict:
    return find(objects, "ScaledObject", "observe")["spec"]


def settings(objects: list[dict], old: str, new: str) -> None:
    for item in objects:
        if item["kind"] == "ConfigMap" and "settings.toml" in item["data"]:
            item["data"]["settings.toml"] = item["data"]["settings.toml"].replace(old, new)


def cron(start: str, pods: str) -> dict:
    return {"type": "cron", "metadata": {"timezone": "Etc/UTC", "start": start, "end": "0 0 1 1 *", "desiredReplicas": pods}}


# The rule that has to find it, the overlay, and what is done to it.
MISTAKES: list[tuple[str, str, Callable[[list[dict]], object]]] = [
    ("settings_are_accepted", "prod", lambda o: settings(o, "drain_deadline_ms", "drain_deadline")),
    ("pods_may_finish", "prod", lambda o: settings(o, "drain_deadline_ms = 25000", "drain_deadline_ms = 60000")),
    ("pods_may_finish", "prod", lambda o: settings(o, "drain_deadline_ms = 10000", "drain_deadline_ms = 30000")),
    ("one_owner_of_the_number_of_pods", "prod", lambda o: observe(o)["spec"].update(replicas=3)),
    ("partitions_are_enough", "prod", lambda o: scaled(o).update(maxReplicaCount=31)),
    ("partitions_are_enough", "staging",
     lambda o: find(o, "KafkaTopic", "exam.chunks")["spec"].update(partitions=61)),
    ("autoscalers_ask_where_pods_work", "prod",
     lambda o: scaled(o)["triggers"][1]["metadata"].update(consumerGroup="observe")),
    ("autoscalers_ask_where_pods_work", "prod",
     lambda o: scaled(o)["triggers"][2]["metadata"].update(query="max(invigilator_delay_seconds)")),
    ("scaling_in_is_slow", "prod", lambda o: scaled(o).update(minReplicaCount=0)),
    ("cron_floors_do_not_overlap", "prod", lambda o: scaled(o)["triggers"].append(cron("0 8 1 1 *", "25"))),
    ("cron_floors_do_not_overlap", "prod",
     lambda o: scaled(o)["triggers"].extend([cron("0 8 1 1 *", "5"), cron("0 8 1 1 *", "6")])),
    ("images_are_pinned", "prod", lambda o: checks.container(observe(o)).update(image="invigilator:latest")),
    ("room_is_bounded", "prod", lambda o: checks.pod(observe(o))["volumes"].append({"name": "x", "emptyDir": {}})),
    ("observers_get_whole_cores", "prod",
     lambda o: checks.container(observe(o))["resources"]["requests"].update(cpu="2")),
    ("names_of_processes", "prod",
     lambda o: checks.container(find(o, "StatefulSet", "score")).update(env=[
         {"name": "INVIGILATOR__KAFKA__INSTANCE", "value": "score"}])),
    ("rights_are_those_of_the_program", "staging",
     lambda o: find(o, "KafkaUser", "kafka-observe")["spec"]["authorization"]["acls"].pop()),
    ("rights_are_those_of_the_program", "staging",
     lambda o: find(o, "KafkaUser", "kafka-observe")["spec"]["authorization"]["acls"][0].update(operations=["All"])),
]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    program = str(Path(arguments.program).resolve())
    good = {name: checks.Overlay(arguments.folder / f"{name}.yaml", program) for name in ("prod", "staging")}
    missed = []
    for rule, name, mistake in MISTAKES:
        overlay = copy.copy(good[name])
        overlay.objects = copy.deepcopy(good[name].objects)
        mistake(overlay.objects)
        if not list(getattr(checks, f"check_{rule}")(overlay)):
            missed.append(f"{rule} did not find mistake {MISTAKES.index((rule, name, mistake))}")
    rules = {name.removeprefix("check_") for name in dir(checks) if name.startswith("check_")}
    missed += [f"{rule} is not tested" for rule in sorted(rules - {rule for rule, _, _ in MISTAKES})]
    for problem in missed:
        print(f"test-k8s: {problem}", file=sys.stderr)
    print(f"{len(MISTAKES) - len(missed)} passed, {len(missed)} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
