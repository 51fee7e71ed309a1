"""What the documents show can be copied: snippets parse, links lead somewhere, commands exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from providers import registry
from provisioner.cli import commands
from provisioner.manifest import load

ROOT = Path(__file__).parents[2]
SETUP = sorted((ROOT / "docs" / "setup").glob("*.md"))
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "examples").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

PREPARES_ONLY = "This page prepares the account; the provider type comes with a later version."
PROVIDER_PAGES = {
    "route53.md": "route53",
    "route53-domains.md": "route53-domains",
    "cloudflare.md": "cloudflare",
    "azure-dns.md": "azure",
    "bind.md": "rfc2136",
}
"""The provider type for which each page prepares an account."""

COMMAND = re.compile(r"(?<![\w./=-])provisioner +([a-z][a-z-]*)")
LINK = re.compile(r"\[[^\]]*\]\(<?([^)>\s]+)>?\)")
CODE_SPAN = re.compile(r"(`+)(.+?)\1")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `line` is that of its opening fence."""

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def blocks(document: Path) -> Iterator[Block]:
    lines = iter(enumerate(document.read_text(encoding="utf-8").splitlines(), start=1))
    for number, opening in lines:
        if opening.startswith("```"):
            body = []
            for _, line in lines:
                if line.rstrip() == "```":
                    break
                body.append(line)
            else:
                pytest.fail(f"{document}:{number}: the block is not closed")
            yield Block(document, number, opening.strip("` "), "\n".join(body) + "\n")


def prose(document: Path) -> str:
    """Give a document without its code."""
    text = document.read_text(encoding="utf-8")
    for block in blocks(document):
        text = text.replace(block.text, "")
    return CODE_SPAN.sub("", re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE))


def code(document: Path) -> str:
    """Give a document's code alone: fenced, indented and spans."""
    text = document.read_text(encoding="utf-8")
    indented = re.findall(r"^ {4}.*$", text, flags=re.MULTILINE)
    return "\n".join([*(block.text for block in blocks(document)), *indented, *(span for _, span in CODE_SPAN.findall(text))])


BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
JSON = [block for block in BLOCKS if block.language == "json"]
MANIFESTS = [block for block in BLOCKS if block.language == "yaml" and block.text.startswith("version:")]
LINKS = [
    (document, link)
    for document in DOCUMENTS
    for link in LINK.findall(prose(document))
    if not link.startswith(("https://", "http://", "mailto:", "#"))
]


def names_of(block: Block) -> str:
    return str(block)


@pytest.mark.parametrize("block", JSON, ids=names_of)
def test_a_json_snippet_parses_and_repeats_no_key(block: Block) -> None:
    def unrepeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs), f"{block}: a key stands there twice"
        return dict(pairs)

    json.loads(block.text, object_pairs_hook=unrepeated)


@pytest.mark.parametrize("block", MANIFESTS, ids=names_of)
def test_a_manifest_can_be_copied(block: Block, tmp_path: Path) -> None:
    manifest = tmp_path / "provisioner.yaml"
    manifest.write_text(block.text, encoding="utf-8")
    assert load(manifest).domains


def test_every_type_of_credential_is_shown(tmp_path: Path) -> None:
    from provisioner.manifest.parts import CREDENTIALS  # noqa: PLC0415 - named where it is compared

    shown = "".join(block.text for block in MANIFESTS if block.document.name == "microsoft-graph.md")
    assert set(CREDENTIALS) <= set(re.findall(r"type: ([a-z-]+)", shown))


@pytest.mark.parametrize(("document", "link"), LINKS, ids=str)
def test_a_relative_link_leads_to_a_file(document: Path, link: str) -> None:
    assert (document.parent / unquote(link.partition("#")[0])).exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_command_that_is_mentioned_exists(document: Path) -> None:
    assert set(COMMAND.findall(code(document))) <= set(commands())


def test_snippets_links_and_commands_are_found_at_all() -> None:
    assert {"microsoft-graph.md", "route53.md", "cloudflare.md", "azure-dns.md"} <= {block.document.name for block in JSON}
    assert {"README.md", "microsoft-graph.md", "bind.md"} <= {block.document.name for block in MANIFESTS}
    assert {link for document, link in LINKS if document.parent.name == "setup"} >= {page.name for page in SETUP} - {
        "README.md"
    }
    assert {"validate", "plan", "export"} <= set(COMMAND.findall(code(ROOT / "docs" / "setup" / "microsoft-graph.md")))


@pytest.mark.parametrize(("page", "type_name"), PROVIDER_PAGES.items())
def test_a_page_says_that_its_provider_type_comes_later_as_long_as_it_does(page: str, type_name: str) -> None:
    top = (ROOT / "docs" / "setup" / page).read_text(encoding="utf-8").splitlines()[2]
    assert top.startswith(PREPARES_ONLY) == (type_name not in registry.available())


@pytest.mark.parametrize("page", SETUP, ids=lambda page: page.name)
def test_a_page_is_short(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) < 150


def actions(block: Block) -> set[str]:
    """Give the actions that a policy of AWS, whole or one statement, or a role of Azure allows."""
    policy = json.loads(block.text)
    granted: set[str] = set(policy.get("Actions", ()))
    for statement in policy.get("Statement", [policy]):
        action = statement.get("Action", ())
        granted |= {action} if isinstance(action, str) else set(action)
    return granted


def test_planning_at_route_53_allows_no_change() -> None:
    first = next(block for block in JSON if block.document.name == "route53.md")
    assert {action.partition(":")[2][:3] for action in actions(first)} == {"Lis", "Get"}


def test_the_role_for_azure_cannot_touch_zones_nor_other_types() -> None:
    (role,) = (block for block in JSON if block.document.name == "azure-dns.md")
    changes = {action for action in actions(role) if not action.endswith("/read")}
    assert {action.split("/")[2] for action in changes} == {"MX", "DS", "TLSA", "TXT", "dnssecConfigs"}
    assert not any("*" in action for action in changes)
