"""The examples of pipelines as jobs with scripts, and a stand-in for what runs them: artifacts, and services' programs."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "pipelines"
QUICKSTART = ROOT / "examples" / "quickstart"

Document = Mapping[str, Any]

PROGRAMS = {
    "provisioner": f'"{sys.executable}" -c "from provisioner.cli import main; main()" "$@"\ncode=$?\n'
    'printf "%s %s\\n" "$code" "$*" >> "$RAN"\nexit $code',
    "pipx": "exit 0",
    "jq": 'case "$*" in *raw-input*|*-Rs*) cat >/dev/null; echo "{}";; *) cat >/dev/null;; esac',
    "git": 'for last; do :; done\nmkdir -p "$last" && cp "$POLICY" "$last/policy.yaml"',
    "gh": 'case "$1 $2" in\n"run download") test -d "$ARTIFACTS/$4" && mkdir -p "$6" && cp -R "$ARTIFACTS/$4/." "$6";;\n'
    '*) case "$*" in */pulls*) echo "$HEAD_SHA";; *) echo "[]";; esac;;\nesac',
    "curl": 'case "$*" in *@-*) cat > /dev/null;; esac\n'
    'while [ $# -gt 0 ]; do\ncase "$1" in --output) out=$2;; http*|*/*) url=$1;; esac\nshift\ndone\n'
    'case "$url" in\n*/raw/plan.jsonl*) cp "$ARTIFACTS/${url##*job=}/plan.jsonl" "$out";;\n'
    '*) echo "[]" > "${out:-/dev/stdout}";;\nesac',
}
"""Stand-ins for programs, by name; `provisioner` is the real one, and notes how it was called and how it ended."""


@dataclass(frozen=True, slots=True)
class Step:
    """A script, an artifact that is kept (`keep`: name and path), or one that is taken, if a script before set a variable."""

    script: str = ""
    folder: str = "."
    environment: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, str] | None = None
    take: tuple[str, str] | None = None
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    steps: tuple[Step, ...]


def read(name: str) -> Document:
    return cast("Document", yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8")))


def only(mapping: Document, *keys: str) -> Document:
    """Give a mapping that has no other keys than its system knows."""
    assert set(mapping) <= set(keys), f"unknown: {set(mapping) - set(keys)}"
    return mapping


def github(document: Document) -> Iterator[Job]:
    only({str(key): value for key, value in document.items()}, "name", "True", "permissions", "env", "jobs")  # YAML 1.1's `on`
    for name, job in document["jobs"].items():
        only(job, "if", "runs-on", "environment", "permissions", "env", "steps", "concurrency")
        yield Job(name, tuple(_github_step(step) for step in job["steps"]))


def _github_step(step: Document) -> Step:
    only(step, "uses", "with", "run", "if")
    assert ("uses" in step) != ("run" in step)
    action = step.get("uses", "").partition("@")[0]
    assert action in {"", "actions/checkout", "actions/upload-artifact"}
    if action == "actions/upload-artifact":
        given = only(step["with"], "name", "path", "if-no-files-found")
        return Step(keep=(re.sub(r"\$\{\{[^}]*\}\}", "$SHA", given["name"]), given["path"]))
    return Step(step.get("run", ""))


def gitlab(document: Document) -> Iterator[Job]:
    shared = only(document["default"], "image", "id_tokens", "before_script")
    for name, job in document.items():
        if name in {"stages", "default", "variables"}:
            continue
        only(job, "stage", "rules", "script", "artifacts", "resource_group", "environment")
        assert job["stage"] in document["stages"]
        kept = [Step(keep=(name, path)) for path in job.get("artifacts", {}).get("paths", ())]
        yield Job(name, (Step("\n".join([*shared["before_script"], *job["script"]])), *kept))


def azure(document: Document) -> Iterator[Job]:
    only(document, "trigger", "schedules", "parameters", "resources", "pool", "stages")
    for stage in document["stages"]:
        only(stage, "stage", "condition", "dependsOn", "jobs", "lockBehavior")
        for job in stage["jobs"]:
            only(job, "job", "steps", "deployment", "environment", "strategy")
            steps = job["steps"] if "job" in job else job["strategy"]["runOnce"]["deploy"]["steps"]
            yield Job(stage["stage"], tuple(map(_azure_step, steps)))


def _azure_step(step: Document) -> Step:
    only(step, "checkout", "path", "bash", "env", "workingDirectory", "task", "inputs", "condition", "continueOnError")
    assert len({"checkout", "bash", "task"} & set(step)) == 1
    inside = "$(Pipeline.Workspace)/s/main"
    assert step.get("workingDirectory", inside) == inside
    if "task" in step:
        given = step["inputs"]
        path = given.get("targetPath", given.get("path")).removeprefix(inside).lstrip("/")
        if step["task"].startswith("Publish"):
            return Step(keep=(given["artifact"], path))
        asked = re.search(r"ne\(variables\['(\w+)'\], ''\)", step.get("condition", ""))
        return Step(take=(given["artifact"], path), variable=asked[1] if asked else "")
    return Step(step.get("bash", ""), environment=dict.fromkeys(step.get("env", ()), ""))


SYSTEMS = {"github-actions.yml": github, "gitlab-ci.yml": gitlab, "azure-pipelines.yml": azure}


class Runner:
    """Runs jobs, each in a new checkout of the quickstart; the zones, which are the world, are the same for all.

    So is the state, if there is a `database`.
    """

    database = False

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.artifacts = folder / "artifacts"
        self._programs = folder / "bin"
        self.environment = {
            **{key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "COVERAGE_PROCESS_START"}},
            "PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "ARTIFACTS": str(self.artifacts),
            "POLICY": str(folder / "policy" / "policy.yaml"),
            "RAN": str(folder / "ran"),
            **environment,
        }
        for name in ("artifacts", "bin", "policy"):
            (folder / name).mkdir()
        (folder / "policy" / "policy.yaml").write_text("approvals: {default: 0}\n")
        shutil.copytree(QUICKSTART / "zones", folder / "zones")
        for name, body in PROGRAMS.items():
            program = self._programs / name
            program.write_text(f"#!/bin/sh\n{body}\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(self, job: Job, **variables: str) -> int:
        """Run a job, and give the exit code of the first script that fails, or 0. Artifacts are kept whatever came of it."""
        here = self.folder / f"{job.name} {len(list(self.folder.iterdir()))}" / "main"
        shutil.copytree(QUICKSTART, here)
        shutil.rmtree(here / "zones")
        (here / "zones").symlink_to(self.folder / "zones")
        if self.database:
            (self.folder / "state").mkdir(exist_ok=True)
            (here / ".provisioner").symlink_to(self.folder / "state")
        for beside in (here, here.parent):
            shutil.copytree(self.folder / "policy", beside / "policy", dirs_exist_ok=True)
        code, said = 0, ""
        for step in job.steps:
            if step.keep:
                self._keep(here, step.keep, variables)
            elif step.take and (not step.variable or f"setvariable variable={step.variable}]" in said):
                self._take(here, step.take)
            elif step.script and not code:
                environment = {**self.environment, **step.environment, **variables}
                script = ["bash", "-e", "-o", "pipefail", "-c", step.script]
                ran = subprocess.run(
                    script, cwd=here, env=environment, check=False, timeout=120, stdout=subprocess.PIPE, text=True
                )
                code, said = ran.returncode, said + ran.stdout
        return code

    def _keep(self, here: Path, kept: tuple[str, str], variables: Mapping[str, str]) -> None:
        target = self.artifacts / kept[0].replace("$SHA", variables.get("SHA", ""))
        source = here / kept[1]
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        elif source.exists():
            target.mkdir(exist_ok=True)
            shutil.copy(source, target)

    def _take(self, here: Path, taken: tuple[str, str]) -> None:
        if (self.artifacts / taken[0]).is_dir():
            shutil.copytree(self.artifacts / taken[0], here / taken[1], dirs_exist_ok=True)

    def ran(self) -> list[tuple[int, str]]:
        """Tell how `provisioner` was called so far, and how each call ended."""
        lines = Path(self.environment["RAN"]).read_text(encoding="utf-8").splitlines()
        return [(int(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in lines]
