"""The webhook, received on loopback."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.webhook import DEFAULT, WebhookFailed, message, post
from tests.emulators import http
from tests.emulators.http import Request, Response

TOLD: dict[str, str | int] = {
    "summary": "2 need a person.\n2 subjects",
    "needs": 2,
    "written": 0,
    "subjects": 2,
    "exit_code": 3,
    "manifest": "provisioner.yaml",
}
SECRET = "c2VjcmV0LXBhdGg"


@dataclass
class Receiver:
    """Takes what is posted, and answers as it is told."""

    url: str = ""
    answer: Response = field(default_factory=lambda: Response(200, b"ok"))
    got: list[Request] = field(default_factory=list)

    def respond_to(self, request: Request) -> Response:
        self.got.append(request)
        return self.answer


def test_it_is_posted_as_json() -> None:
    with http.running(Receiver()) as receiver:
        post(f"{receiver.url}/hook/{SECRET}", message(DEFAULT, TOLD))
    (request,) = receiver.got
    assert (request.method, request.target) == ("POST", f"/hook/{SECRET}")
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {"text": TOLD["summary"]}


@given(st.text())
def test_whatever_is_told_stays_inside_its_value(text: str) -> None:
    assert json.loads(message('{"a": [$summary, $needs]}', TOLD | {"summary": text})) == {"a": [text, 2]}


@pytest.mark.parametrize(
    ("template", "word"), [('{"text": $nothing}', "$nothing"), ('{"text": "$summary"}', "no JSON"), ("$", "no JSON")]
)
def test_a_template_that_does_not_fit_is_told_before_anything_is_sent(template: str, word: str) -> None:
    with pytest.raises(WebhookFailed) as failed:
        message(template, TOLD)
    assert word in failed.value.detail


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Response(404, b"gone"), "it answered 404"),
        (Response(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}), "it answered 302"),
    ],
)
def test_one_that_does_not_take_it_is_told_without_its_secret(answer: Response, told: str) -> None:
    with http.running(Receiver(answer=answer)) as receiver, pytest.raises(WebhookFailed) as failed:
        post(f"{receiver.url}/hook/{SECRET}", "{}")
    assert failed.value.detail == f"127.0.0.1: {told}."
    assert len(receiver.got) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://hooks.example.com/x", "file:///etc/passwd", "hooks"])
def test_nothing_goes_where_it_may_not_or_where_nobody_is(url: str) -> None:
    with pytest.raises(WebhookFailed):
        post(url, "{}")
