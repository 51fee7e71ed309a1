"""How a person sees from elsewhere which key a mail host presents, and what was confirmed of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from plans.facts import Confirmation
from plans.values import Name
from provisioner.report.lines import Line, Part, Tone, line
from provisioner.report.moment import told
from provisioner.report.tlsa_yaml import session_command

_DIGEST = "openssl x509 -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256"


def looking_lines(host: Name, key: str, file: Path, addresses: Collection[str]) -> Iterator[Line]:
    """Render the command for each address, and what each must print: the SHA-256 of the public key in the file."""
    bare = host.rstrip(".")
    yield line(f"What {bare} presents is seen with these commands, typed where port 25 is open to the outside:")
    for address in sorted(addresses):
        yield line("  ", Part(f"{session_command(bare, address)} 2>/dev/null | {_DIGEST}", Tone.STRONG))
    yield line(f"Each must print this, which is the SHA-256 of the public key in {file}:")
    yield line("  ", Part(key, Tone.STRONG))


def confirmed_lines(confirmation: Confirmation) -> Iterator[Line]:
    """Render what counts from now on, and until when."""
    host, addresses = confirmation.host.rstrip("."), ", ".join(sorted(confirmation.addresses))
    yield line(
        Part("Confirmed. ", Tone.GOOD),
        f"{host} presents the key of the record 3 1 1 {confirmation.key} at {addresses}, by {confirmation}.",
    )
    yield line(
        f"It counts until {told(confirmation.until)}, where nothing else is seen. To take it back:  ",
        Part(f"provisioner confirm {host} --withdraw", Tone.STRONG),
    )
    yield line("Next: ", Part("provisioner apply PLAN", Tone.STRONG), ", with the plan that waits for it")
