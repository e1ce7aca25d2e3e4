"""Where a server is: what a URL must be before a secret goes there."""

import pytest

from qsjwt.errors import InputError
from qsjwt.live.address import parse_address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://sense.example.com/jwt/", "https://sense.example.com/jwt"),
        (" https://Sense.Example.com:443 ", "https://sense.example.com"),
        ("https://10.0.0.1:8443/a/b", "https://10.0.0.1:8443/a/b"),
        ("https://[::1]:4242", "https://[::1]:4242"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.2/x", "http://127.0.0.2/x"),
    ],
)
def test_a_url_is_read_with_its_path_and_without_what_goes_without_saying(text: str, url: str) -> None:
    assert parse_address(text).url == url


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sense.example.com/jwt", "must begin with https://"),
        ("ftp://sense.example.com", "must begin with https://"),
        ("https:///jwt", "must begin with https://"),
        ("https://sense.example.com:99999/", "must be the URL of a server"),
        ("https://[::1/", "must be the URL of a server"),
        ("https://sense example.com/", "must be the URL of a server"),
        ("https://sense.example.com\\evil.example/", "must be the URL of a server"),
        ("https://sense.example.com/jwt?x=1", "must end with the path"),
        ("https://sense.example.com/jwt#x", "must end with the path"),
        ("http://sense.example.com/jwt", "a token would be sent unencrypted"),
        ("http://localhost.example.com/", "a token would be sent unencrypted"),
        ("https://anna:pass@sense.example.com/", "user name or a password"),
        ("", "must begin with https://"),
    ],
)
def test_what_is_no_url_of_a_server_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        parse_address(text)
    assert refused.value.hint
    assert "pass@" not in refused.value.message


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://SENSE.example.com:443/other?a=1#b", "https://sense.example.com/other?a=1"),
        ("https://sense.example.com", "https://sense.example.com/"),
        ("https://a:b@sense.example.com/x", "https://sense.example.com/x"),
        ("https://evil.example\\@sense.example.com/x", "https://sense.example.com/x"),
        ("http://sense.example.com/jwt", None),
        ("https://sense.example.com:444/", None),
        ("https://sense.example.com.evil.example/", None),
        ("https://example.com/", None),
        ("https://[/", None),
        ("/jwt", None),
    ],
)
def test_a_server_owns_urls_of_its_own_scheme_host_and_port_alone(url: str, own: str | None) -> None:
    assert parse_address("https://sense.example.com/jwt").own(url) == own
