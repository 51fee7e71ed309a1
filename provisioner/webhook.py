"""Telling somebody else: one HTTP POST of a text that a template makes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from plans.problem import Problem
from providers.loopback import is_loopback
from provisioner.desired.foreign_text import scrub

DEFAULT = '{"text": $summary}'
"""What Slack's and Teams' incoming webhooks take."""
WORDS = ("summary", "needs", "written", "subjects", "exit_code", "manifest")
"""What a template may name, each as a JSON value."""
_SECONDS = 10.0


class WebhookFailed(Problem):
    """Nobody was told."""


def read_template(file: Path) -> str:
    """Read a template. Raises `WebhookFailed`."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise WebhookFailed(
            f"The webhook's template {file} cannot be read", f"{why}.", "Correct the webhook's template in the manifest."
        ) from error


def message(template: str, told: Mapping[str, str | int]) -> str:
    """Fill a template: `$summary` and its like stand for JSON values, quotes and all.

    Raises:
        WebhookFailed: it names a word that there is not, or what it makes is no JSON.

    """
    try:
        text = Template(template).substitute({word: json.dumps(told[word]) for word in WORDS})
        json.loads(text)
    except (KeyError, ValueError) as error:
        what = f"${error.args[0]} is none of its words" if isinstance(error, KeyError) else f"What it makes is no JSON: {error}"
        known = ", ".join(f"${word}" for word in WORDS)
        raise WebhookFailed("The webhook's template cannot be filled", f"{what}.", f"Use these words alone: {known}") from error
    return text


def post(url: str, text: str) -> None:
    """Send a text. The URL is a secret: it is told nowhere but to the host that it names.

    Raises:
        WebhookFailed: it was not taken.

    """
    host = urlsplit(url).hostname or "?"
    if not (url.startswith("https://") or (url.startswith("http://") and is_loopback(url))):
        raise WebhookFailed(
            "The webhook cannot be called", "Its URL is not https.", "Correct the webhook's url in the manifest."
        )
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        url, text.encode(), {"Content-Type": "application/json"}, method="POST"
    )
    proxies = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    try:
        with urllib.request.build_opener(_NoRedirect, *proxies).open(request, timeout=_SECONDS):
            return
    except urllib.error.HTTPError as error:
        why = f"it answered {error.code}"
        error.close()
    except (OSError, ValueError, HTTPException) as error:
        why = scrub(str(getattr(error, "reason", ""))) or type(error).__name__
    raise WebhookFailed("The webhook was not taken", f"{host}: {why}.", "Look whether it is still there.")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: what the text says is for one host."""

    def redirect_request(self, *_: object) -> None:
        """Give nothing to go on with."""
