"""Names that are typed as arguments."""

from __future__ import annotations

from plans.values import Name, name
from provisioner.cli.problems import UsageError


def domain_name(text: str) -> Name:
    """Parse a domain name. Raises `UsageError`."""
    try:
        return name(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no domain name", f"{error}.", "Type it as the manifest does, e.g. contoso.com"
        ) from error


def mail_host(text: str) -> Name:
    """Parse the name of a mail host that Microsoft assigned. Raises `UsageError`."""
    from provisioner.manifest.words import Malformed, pinned_exchange

    try:
        return pinned_exchange(text)
    except Malformed as why:
        raise UsageError(f"{text!r} is no host that can be pinned", f"{why.text}.", why.mend) from why


def any_mail_host(text: str) -> Name:
    """Parse the name of a mail host, whoever's it is. Raises `UsageError`."""
    from provisioner.manifest.words import Malformed
    from provisioner.manifest.words import mail_host as parsed

    try:
        return parsed(text)
    except Malformed as why:
        raise UsageError(f"{text!r} is no mail host", f"{why.text}.", why.mend) from why
