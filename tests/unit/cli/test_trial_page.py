"""What came of presenting a token, for people."""

import pytest

from qsjwt.cli.trial_page import trial_page

HOSTILE = "\x1b[31m[bold]x[/bold]\u202e\r\n✓ accepted by nobody"
REFUSED = {
    "verdict": "refused",
    "url": "https://qlik.example.com/jwt",
    "answer": {"status": 401, "code": "", "text": HOSTILE},
    "causes": [
        {
            "reason": f"the token expired at 2026-11-23T19:13:00Z {HOSTILE}",
            "hint": "create a new one",
            "source": "a page",
        },
        {"reason": "the certificate is another one", "hint": "", "source": ""},
    ],
    "server_clock_ahead": -300,
    "steps": [{"status": 401, "method": "GET", "path": f"/jwt/{HOSTILE}"}],
    "session_ended": None,
}
ACCEPTED = {
    "verdict": "accepted",
    "url": "https://qlik.example.com/jwt",
    "user": {"userId": "anna", HOSTILE: [HOSTILE]},
    "differences": [{"member": "groups", "server": [], "token": [HOSTILE], "claim": "group", "hint": "add a mapping"}],
    "remarks": [f"the session can read {HOSTILE}"],
    "steps": [],
    "session_ended": True,
}


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize("record", [REFUSED, ACCEPTED], ids=["refused", "accepted"])
def test_the_verdict_comes_first_and_no_server_writes_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, record: dict[str, object], columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = str(trial_page(record))
    lines = text.splitlines()
    assert lines[0].startswith(
        f"{'✓' if record is ACCEPTED else '✗'} {record['verdict']} by https://qlik.example.com/jwt"
    )
    assert [line for line in lines[1:] if line.startswith("✓")] == []
    assert [character for character in text if not character.isprintable() and character != "\n"] == []
    assert max(map(len, lines)) <= columns
    assert r"\x1b[31m[bold]x[/bold]\u202e\r\n✓" in text


def test_a_refusal_lists_its_causes_each_with_the_way_out() -> None:
    text = str(trial_page(REFUSED))
    assert (
        "\n   → create a new one\n   (a page)\n\n2. the certificate is another one\n\nThe clock of the server" in text
    )
    assert "is 5 min behind this one.\n\n  401  GET /jwt/" in text


def test_what_the_server_sees_otherwise_is_marked_and_has_its_way_out() -> None:
    text = str(trial_page(ACCEPTED))
    assert "\n\n? groups is '[]' there, but " in text
    assert "\n  → add a mapping\n" in text
    assert text.endswith("\n\nThe session has been ended.\n")
