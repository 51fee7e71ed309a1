"""How long a start takes, as a ratio to a bare typer program in the same run. Targets: `--help` 1.5, `plan` 3."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = 15

BARE = """
import typer
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
@app.callback()
def callback() -> None: ...
@app.command()
def plan() -> None: print("hello")
app()
"""


def wall(command: list[str], folder: Path) -> float:
    """Give the wall time of one run in seconds."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Run each command in turn, so that a machine that drifts does so for all of them, and print the medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples" / "quickstart", folder, dirs_exist_ok=True)
        (folder / "bare.py").write_text(BARE)
        bare = [sys.executable, "bare.py"]
        ours = [sys.executable, "-c", "from provisioner.cli import main; main()"]
        commands = {
            "bare --help": [*bare, "--help"],
            "bare plan": [*bare, "plan"],
            "provisioner --help": [*ours, "--help"],
            "provisioner plan": [*ours, "plan"],
        }
        times: dict[str, list[float]] = {label: [] for label in commands}
        for _ in range(RUNS + 1):
            for label, command in commands.items():
                times[label].append(wall(command, folder))
        medians = {label: statistics.median(of_label[1:]) for label, of_label in times.items()}
    for label, seconds in medians.items():
        print(f"{label:20} {seconds * 1000:7.0f} ms")
    for argument, target in (("--help", 1.5), ("plan", 3.0)):
        ratio = medians[f"provisioner {argument}"] / medians[f"bare {argument}"]
        print(f"ratio of {argument:8} {ratio:5.2f}  (target {target})")


if __name__ == "__main__":
    main()
