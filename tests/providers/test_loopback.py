from __future__ import annotations

import pytest

from providers.loopback import is_loopback, is_loopback_host


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("example", False),
    ],
)
def test_a_host_is_this_machine_or_it_is_not(host: str, *, here: bool) -> None:
    assert is_loopback_host(host) is here
    url = f"http://[{host}]:80/path" if ":" in host else f"http://{host.upper()}:80/path"
    assert is_loopback(url) is here


def test_what_names_no_host_is_elsewhere() -> None:
    assert not is_loopback("")
    assert not is_loopback_host("")
