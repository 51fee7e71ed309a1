"""Saved answers: one answer as Graph gave it, or the file that `provisioner export` writes of a whole tenant."""

from __future__ import annotations

import json
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from plans.desired import Cloud, GraphAnswer, Source
from plans.problem import Problem
from plans.values import Name, ancestors, is_at_or_below
from provisioner.desired.answer import (
    SERVICE_RECORDS,
    VERIFICATION_RECORDS,
    JsonObject,
    RawDomain,
    Reading,
    is_about,
    is_mail_exchange,
    label_of,
    read_answer,
    read_domain,
    read_object,
    read_whole,
    records_of,
)
from provisioner.desired.foreign_text import plain
from provisioner.manifest.model import SavedTenant

FORMAT = "provisioner-export"
VERSION = 1
LARGEST = 256 * 1024 * 1024
"""Octets; a larger file is no saved answer."""


@dataclass(frozen=True, slots=True)
class TenantExport:
    """Every domain of a tenant, ascending. `tenant` is the id that was asked for, `endpoint` Graph's root, `read_at` UTC."""

    tenant: str
    cloud: Cloud
    endpoint: str
    read_at: datetime
    domains: tuple[RawDomain, ...]


def write_export(export: TenantExport, out: BinaryIO) -> None:
    """Write a tenant's answers so that `ExportSource` reads the same from them: UTF-8 JSON, one value a line."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "tenant": export.tenant,
        "cloud": export.cloud.value,
        "endpoint": export.endpoint,
        "read_at": export.read_at.astimezone(UTC).isoformat(),
        "domains": [_exported(raw) for raw in export.domains],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    # A lone surrogate, which UTF-8 cannot hold, becomes the escape that JSON has for it.
    out.write(text.encode("utf-8", "backslashreplace") + b"\n")


def _exported(raw: RawDomain) -> JsonObject:
    exported = {"domain": raw.resource, SERVICE_RECORDS: raw.records}
    return exported if raw.verification is None else exported | {VERIFICATION_RECORDS: raw.verification}


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    resource: JsonObject
    records: object
    verification: object


@dataclass(frozen=True, slots=True)
class _OneAnswer:
    reading: Reading
    records: Sequence[object]


@dataclass(frozen=True, slots=True)
class _WholeTenant:
    reading: Reading
    entries: Mapping[Name, _Entry]


class _Header(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    version: int
    cloud: Annotated[Cloud, Field(strict=False)]
    read_at: Annotated[AwareDatetime, Field(strict=False)]
    domains: list[object]


class ExportSource:
    """A tenant whose answers are in a file, which is read when it is first asked, and after a `release` or a `refresh`.

    Its path is told relative to `folder` where it lies below it, so that no message and no plan depends on the machine.
    """

    def __init__(self, tenant: SavedTenant, folder: Path) -> None:
        self._tenant = tenant
        self._where = _relative(tenant.export, folder)
        self._content: _OneAnswer | _WholeTenant | None = None

    @property
    def source(self) -> Source:
        """Who answers: the file."""
        return Source(self._tenant.label, self._where)

    @property
    def notices(self) -> tuple[str, ...]:
        """What could not be checked; of a file, nothing is."""
        return ()

    def domains(self) -> tuple[Name, ...]:
        """Give the tenant's domains; of a single answer, the names for which it holds a mail exchange. Raises `Problem`."""
        content = self._read()
        if isinstance(content, _WholeTenant):
            return tuple(sorted(content.entries))
        for index, record in enumerate(content.records):
            if is_mail_exchange(record) and label_of(record) is None:
                raise content.reading.problem("the label of a mail exchange is no domain name", f"value[{index}].label")
        return tuple(sorted(_mail_labels(content.records)))

    def answers(self, names: Collection[Name]) -> Iterator[tuple[Name, GraphAnswer | Problem]]:
        """Give for each name what the file says of it, or why it cannot be known."""
        for name in names:
            try:
                yield name, self._answer(name)
            except Problem as problem:
                yield name, problem

    def release(self) -> None:
        """Forget the file: it takes several times its size."""
        self._content = None

    def refresh(self, now: datetime) -> None:  # noqa: ARG002 - the protocol has it; a file tells itself when it was read
        """Forget the file, so that it is read again."""
        self.release()

    def _answer(self, name: Name) -> GraphAnswer:
        content = self._read()
        if isinstance(content, _OneAnswer):
            return _answer_of_one(content, name)
        entry = content.entries.get(name)
        if entry is None:
            raise Problem(
                f"There is no saved answer for {name.rstrip('.')}",
                f"{self._where}: it is not among the tenant's domains there, read {content.reading.read_at.isoformat()}.",
                content.reading.mend,
            )
        records = _list(entry.records, f"{entry.path}.{SERVICE_RECORDS}", name, content.reading)
        verification = _list(entry.verification, f"{entry.path}.{VERIFICATION_RECORDS}", name, content.reading)
        return read_whole(RawDomain(entry.resource, records, verification), name, content.reading, f"{entry.path}.")

    def _read(self) -> _OneAnswer | _WholeTenant:
        if self._content is None:
            body, modified = self._load()
            reading = Reading(self.source, self._tenant.cloud, modified, self._mend)
            document = read_object(body, reading)
            whole = "format" in document
            self._content = self._whole(document, reading) if whole else _OneAnswer(reading, records_of(document, reading))
        return self._content

    def _load(self) -> tuple[bytes, datetime]:
        file = self._tenant.export
        try:
            status = file.stat()
            if not stat.S_ISREG(status.st_mode):
                raise self._unreadable("is no regular file")
            if status.st_size > LARGEST:
                raise self._unreadable(f"is larger than {LARGEST // 1024 // 1024} MiB, which no saved answer is")
            body = file.read_bytes()
        except OSError as error:
            raise self._unreadable(f"cannot be read: {error.strerror}") from None
        return body, datetime.fromtimestamp(int(status.st_mtime), UTC)

    def _whole(self, document: JsonObject, reading: Reading) -> _WholeTenant:
        if document["format"] != FORMAT:
            raise reading.problem(f"this is not {FORMAT!r}, the format that `provisioner export` writes", "format")
        if document.get("version") != VERSION:
            raise reading.problem(f"this version of provisioner reads version {VERSION} only", "version")
        try:
            header = _Header.model_validate(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            raise reading.problem(plain(first["msg"]), ".".join(str(step) for step in first["loc"])) from None
        if header.cloud is not self._tenant.cloud:
            what = f"the file was read from the cloud {header.cloud}, the manifest says {self._tenant.cloud}"
            mend = (
                f"Write `cloud: {header.cloud}` for tenant {self._tenant.label} at {self._tenant.where}, or name another file."
            )
            raise Problem(
                f"The saved answer of tenant {self._tenant.label} is of another cloud", f"{self._where}: {what}.", mend
            )
        try:
            read_at = header.read_at.astimezone(UTC)
        except OverflowError:
            raise reading.problem("the time is none between the years 1 and 9999 in UTC", "read_at") from None
        dated = Reading(reading.source, reading.cloud, read_at, reading.mend)
        entries: dict[Name, _Entry] = {}
        for index, value in enumerate(header.domains):
            path = f"domains[{index}]"
            entry = value if isinstance(value, dict) else {}
            name, resource = read_domain(entry.get("domain"), dated, f"{path}.domain")
            if name in entries:
                raise dated.problem(f"{name.rstrip('.')} stands in the file twice, first at {entries[name].path}", path)
            entries[name] = _Entry(path, resource, entry.get(SERVICE_RECORDS), entry.get(VERIFICATION_RECORDS, []))
        return _WholeTenant(dated, entries)

    @property
    def _mend(self) -> str:
        return f"Save it anew: provisioner export --tenant NAME --out {self._where}  (NAME: the tenant where it is asked live)"

    def _unreadable(self, what: str) -> Problem:
        headline = f"The saved answer of tenant {self._tenant.label} cannot be read"
        return Problem(headline, f"{self._tenant.where}: the file {self._where} {what}.", self._mend)


def _list(value: object, path: str, domain: Name, reading: Reading) -> Sequence[object]:
    if not isinstance(value, list):
        raise reading.problem("there is no list", path, domain)
    return value


def _answer_of_one(content: _OneAnswer, domain: Name) -> GraphAnswer:
    """Take what is about a domain. Mail exchanges of other domains alone are not an answer without mail exchanges."""
    about = [record for record in content.records if is_about(record, domain)]
    mail_labels = _mail_labels(content.records)
    labels = mail_labels or _labels(content.records)
    if not about or (mail_labels and not any(is_at_or_below(label, domain) for label in mail_labels)):
        others = sorted(label for label in labels if labels.isdisjoint(ancestors(label)))
        subjects = ", ".join(label.rstrip(".") for label in others[:5]) or "no domain at all"
        raise Problem(
            f"There is no saved answer for {domain.rstrip('.')}",
            f"{content.reading.source.where}: the saved answer is about {subjects}, not {domain.rstrip('.')}.",
            content.reading.mend,
        )
    return read_answer(about, domain, content.reading)


def _mail_labels(records: Sequence[object]) -> set[Name]:
    return _labels([record for record in records if is_mail_exchange(record)])


def _labels(records: Sequence[object]) -> set[Name]:
    return {label for record in records if (label := label_of(record))}


def _relative(file: Path, folder: Path) -> str:
    try:
        return file.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return file.as_posix()
