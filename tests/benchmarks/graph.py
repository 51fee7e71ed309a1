"""Reading 1,000 domains of one tenant from a Graph that takes 60 ms for an answer, and exporting them.

Targets: `answers` 1 s and 0.5 ms of CPU a domain, with the SDK imported already; `provisioner export`, start-up included, 4 s.
Each is printed with its ratio to a bare httpx client that posts the same batches in the same run. The service is a process of
its own, so that its CPU does not count.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from plans.desired import Cloud, GraphAnswer
from plans.values import name
from provisioner.desired.sources import open_source
from provisioner.manifest.model import BearerToken, Credential, LiveTenant, Location, Secret
from tests.emulators import graph

DOMAINS = [f"d{number}.example" for number in range(1000)]
LATENCY = 0.060
RUNS = 7
TOKEN = "opaque-token-of-a-benchmark"
ROOT = Path(__file__).parents[2]

BARE = """
import asyncio, json, sys
import httpx

async def main(root, token, in_flight=8):
    slots = asyncio.Semaphore(in_flight)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
        async def post(part):
            requests = [
                {"id": str(number), "method": "GET", "url": f"/domains/{domain}/serviceConfigurationRecords"}
                for number, domain in enumerate(part)
            ]
            async with slots:
                reply = await client.post(f"{root}/v1.0/$batch", json={"requests": requests})
            return json.loads(reply.content)
        listed = json.loads((await client.get(f"{root}/v1.0/domains")).content)
        names = [one["id"] for one in listed["value"]]
        return await asyncio.gather(*(post(names[at : at + 20]) for at in range(0, len(names), 20)))

def read(root, token):
    return sum(len(batch["responses"]) for batch in asyncio.run(main(root, token)))
"""

MANIFEST = """
version: 1
credentials:
  test: {{type: token, token: {{env: GRAPH_TOKEN}}}}
tenants:
  contoso: {{id: contoso.onmicrosoft.com, credential: test}}
providers:
  files: {{type: zonefile, directory: zones}}
defaults: {{provider: files}}
domains:
  d1.example: {{tenant: contoso}}
graph: {{endpoint: '{root}'}}
"""


def serve(pipe: Connection) -> None:
    """Serve the tenant until the other end of the pipe says that it is enough."""
    emulator = graph.GraphEmulator(TOKEN)
    emulator.hold(*DOMAINS)
    emulator.latency = LATENCY
    with graph.running(emulator):
        pipe.send(emulator.url)
        pipe.recv()


@contextmanager
def service() -> Iterator[str]:
    """Run the service in a process of its own; give its root."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=serve, args=(theirs,))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


def measured(action: Callable[[], int]) -> tuple[float, float]:
    """Give the seconds of wall time and of CPU that an action takes; it gives how many domains it has read."""
    wall, cpu = time.perf_counter(), time.process_time()
    read = action()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if read != len(DOMAINS):
        sys.exit(f"{read} of {len(DOMAINS)} domains were read")
    return wall, cpu


def answers(root: str) -> int:
    """Read all domains as `plan` does."""
    where = Location(Path("provisioner.yaml"), 1)
    credential = Credential("test", BearerToken(Secret(where, env="GRAPH_TOKEN")), where)
    tenant = LiveTenant("contoso", "contoso.onmicrosoft.com", credential, Cloud.GLOBAL, where)
    source = open_source(tenant, root, datetime.now(UTC))
    return sum(isinstance(answer, GraphAnswer) for _, answer in source.answers([name(domain) for domain in DOMAINS]))


def bare(root: str) -> int:
    """Post the same batches with httpx alone."""
    space: dict[str, Callable[[str, str], int]] = {}
    exec(BARE, space)  # noqa: S102 - the program above, which a process of its own runs too
    return space["read"](root, TOKEN)


def program(folder: Path, *command: str) -> int:
    """Run a program that reads all domains, or fails."""
    subprocess.run([sys.executable, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return len(DOMAINS)


def main() -> None:
    """Measure all in turn, so that a machine that drifts does so for all of them, and print the medians."""
    os.environ["GRAPH_TOKEN"] = TOKEN
    with tempfile.TemporaryDirectory() as held, service() as root:
        folder = Path(held)
        (folder / "zones").mkdir()
        (folder / "provisioner.yaml").write_text(MANIFEST.format(root=root))
        (folder / "bare.py").write_text(f"{BARE}\nread({root!r}, {TOKEN!r})\n")
        ours = "from provisioner.cli import main; main()"
        actions: dict[str, Callable[[], int]] = {
            "bare": lambda: bare(root),
            "answers": lambda: answers(root),
            "bare program": lambda: program(folder, "bare.py"),
            "export": lambda: program(folder, "-c", ours, "export", "--tenant", "contoso", "--out", "saved.json"),
        }
        times: dict[str, list[tuple[float, float]]] = {label: [] for label in actions}
        for _ in range(RUNS + 1):
            for label, action in actions.items():
                times[label].append(measured(action))
        exported = json.loads((folder / "saved.json").read_bytes())
        if len(exported["domains"]) != len(DOMAINS):
            sys.exit("the export is not whole")
    wall = {label: statistics.median(wall for wall, _ in of_label[1:]) for label, of_label in times.items()}
    cpu = {label: statistics.median(cpu for _, cpu in of_label[1:]) for label, of_label in times.items()}
    each = {label: seconds * 1000 / len(DOMAINS) for label, seconds in cpu.items()}
    print(f"{len(DOMAINS)} domains, {LATENCY * 1000:.0f} ms an answer; medians of {RUNS} runs")
    print(f"answers            {wall['answers']:5.2f} s        ratio {wall['answers'] / wall['bare']:5.2f}  (target 1 s)")
    print(f"answers, CPU each  {each['answers']:5.2f} ms       ratio {each['answers'] / each['bare']:5.2f}  (target 0.5 ms)")
    print(f"export             {wall['export']:5.2f} s        ratio {wall['export'] / wall['bare program']:5.2f}  (target 4 s)")


if __name__ == "__main__":
    main()
