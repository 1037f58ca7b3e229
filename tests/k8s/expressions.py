"""Prints every query of dashboards and runbooks as a file of rules, so that promtool can judge it.

Also checks what Grafana would only show as an empty panel: the source of data is a variable, panels say what they
mean and do not overlap, and ids are distinct. Not responsible for whether metrics exist, see tests/monitoring.rs.
"""

import json
import pathlib
import re
import sys

DASHBOARDS = pathlib.Path("k8s/components/monitoring/dashboards")
RUNBOOKS = pathlib.Path("docs/runbooks")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
VARIABLES = {"$__rate_interval": "5m", "$namespace": "exams"}


def faults(dashboard):
    """What is wrong with a dashboard, as sentences."""
    named = {variable["name"] for variable in dashboard["templating"]["list"]}
    taken = set()
    for panel in dashboard["panels"]:
        title = panel["title"]
        if not panel.get("description"):
            yield f"{title!r} has no description"
        if not panel["fieldConfig"]["defaults"].get("unit"):
            yield f"{title!r} has no unit"
        sources = [panel["datasource"]] + [target["datasource"] for target in panel["targets"]]
        if any(source != SOURCE for source in sources):
            yield f"{title!r} names a source of data instead of the variable"
        for target in panel["targets"]:
            unknown = set(re.findall(r"\$(?!__)\{?(\w+)", target["expr"])) - named
            if unknown:
                yield f"{title!r} uses variables that there are not: {unknown}"
            if "$namespace" not in target["expr"]:
                yield f"{title!r} mixes namespaces"
        grid = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        if cells & taken or grid["x"] + grid["w"] > 24:
            yield f"{title!r} overlaps another panel, or the edge"
        taken |= cells
    if len({panel["id"] for panel in dashboard["panels"]}) != len(dashboard["panels"]):
        yield "two panels have one id"


def queries():
    """Every query, with where it comes from."""
    names = set()
    for path in sorted(DASHBOARDS.glob("*.json")):
        dashboard = json.loads(path.read_text())
        wrong = [f"{path}: {fault}" for fault in faults(dashboard)]
        if dashboard["uid"] in names:
            wrong.append(f"{path}: another dashboard has this uid")
        names.add(dashboard["uid"])
        if wrong:
            sys.exit("\n".join(wrong))
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]
    for path in sorted(RUNBOOKS.glob("*.md")):
        for block in re.findall(r"```promql\n(.*?)```", path.read_text(), re.DOTALL):
            for line in block.splitlines():
                yield path.name, line


def main():
    rules = []
    for number, (place, query) in enumerate(queries()):
        for variable, value in VARIABLES.items():
            query = query.replace(variable, value)
        rules.append({"record": f"query:{number}", "expr": query, "labels": {"place": place}})
    # JSON is YAML.
    print(json.dumps({"groups": [{"name": "queries", "rules": rules}]}, indent=1))


main()
