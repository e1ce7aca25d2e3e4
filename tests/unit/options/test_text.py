"""Text that people give: what is left out of it, what is refused, and what is doubted."""

import pytest

from qsjwt.errors import InputError
from qsjwt.options.option import Option
from qsjwt.options.text import as_meant

_OPTION = Option(("--it",), "it")


def _remarks(text: str) -> list[str]:
    remarks: list[str] = []
    as_meant(text, "--it", remarks.append)
    return remarks


@pytest.mark.parametrize(
    ("text", "meant", "ends"),
    [
        ("anna\r", "anna", "line ends"),
        ("anna\r\n", "anna", "line ends"),
        ("\u2028anna", "anna", "line ends"),
        (" anna\t", "anna", "spaces"),
        ("\ufeffanna", "anna", "spaces"),
        ("anna\xa0", "anna", "spaces"),
        ("anna\u200b", "anna", "spaces"),
        ("anna \r\n", "anna", "spaces and line ends"),
        ("   ", "", "spaces"),
    ],
)
def test_spaces_and_line_ends_around_a_value_are_left_out_and_told(text: str, meant: str, ends: str) -> None:
    remarks: list[str] = []
    assert as_meant(text, "--it", remarks.append) == meant
    assert remarks == [f"{ends} around the value of --it are left out"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "Anna Ö Sänder 😀",
        "مى\u200cخواهم",
        "👩\u200d💻",
        "A – B",
        "100 %",
        "$5",
        "{",
        "C:\\x",
        "a@{b",
        "'tis",
    ],
)
def test_what_people_call_things_is_left_alone(text: str) -> None:
    assert as_meant(text, "--it", pytest.fail) == text


@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\0", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"])
def test_a_control_character_within_a_value_is_refused_and_shown_as_an_escape(character: str) -> None:
    with pytest.raises(InputError, match=r"for --it: .*\(must not contain control characters\)") as refused:
        as_meant(f"an{character}na", "--it", pytest.fail)
    assert refused.value.message.isprintable()


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("—expires", "type --expires with plain dashes"),
        ("–expires=5m", "type --expires with plain dashes"),
        ("-–expires", "type --expires with plain dashes"),
        ("–-expires", "type --expires with plain dashes"),
        ("−f", "type -f with plain dashes"),
        ("−60m", "type -60m with plain dashes"),
        ("‑‑groups", "type --groups with plain dashes"),
        ("\xadx", "type -x with plain dashes"),
        (" –x", "type -x with plain dashes"),
        ("– Sales", "type a plain dash"),
        ("—–BEGIN PRIVATE KEY-----", "type --BEGIN with plain dashes"),
        ("–", "type a plain dash"),
    ],
)
def test_a_word_that_begins_with_a_typographic_dash_is_refused(word: str, hint: str) -> None:
    with pytest.raises(InputError, match=r"for --it: .* begins with a typographic dash") as refused:
        _OPTION.convert(word)
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    "text",
    [
        *("System.Xml.XmlElement", "[object Object]", "undefined", "null", "NaN", "None"),
        *("Microsoft.ActiveDirectory.Management.ADUser", "#N/A"),
        *(
            "@{Name=anna; Mail=a@b.c}",
            "[object Promise]",
            "<__main__.User object at 0x7f1c>",
            "(null)",
            '"anna"',
            "“anna”",
        ),
        *("$(USER)", "${USER}", "%USERNAME%", "$env:USERNAME", "${{ secrets.USER }}", "{{ user }}", "$USER", "%ABC%"),
        *("`whoami`", "!USERNAME!", "<userid>", "<your user ID>", "{user}", "<null>"),
        *("https://${HOST}/idp", "LAB-%USERDOMAIN%", "$(az.tenant)", "DC=$env:DOMAIN,DC=com"),
    ],
)
def test_what_nobody_can_have_meant_is_taken_with_a_warning_that_names_it(text: str) -> None:
    (remark,) = _remarks(text)
    assert remark.startswith(f"the value of --it is '{text}', which ")


@pytest.mark.parametrize(
    "text",
    [
        *("System.Object[]", "System.String[]", "System.Int32[,]", " System.Management.Automation.PSObject[] "),
        *("System.Collections.Hashtable", "System.Collections.Generic.List`1[System.String]"),
        *("System.Collections.ArrayList", "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection"),
        *("System.Security.Principal.IdentityReferenceCollection", "System.Collections.Specialized.OrderedDictionary"),
    ],
)
def test_the_type_of_a_list_in_its_place_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(InputError, match="is the type of a collection, not its content") as refused:
        _OPTION.convert(text)
    assert "-join ';'" in refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        *("System.", "Systems", "System Collections", "The System.Object[] of", "SystemCollection"),
        "a%20b%20c",
        "https://x/%ABC%AB",
        "Null",
        "nullify",
        "System",
        "[LAB]",
        "hi!",
        "{",
        "<3",
        "a`b",
        "{8d4f1a8e-7d4c-4a53-8e9f-9e1d6a3c2b10}",
        '"',
        "5%",
        "a % b % c",
    ],
)
def test_what_resembles_it_is_not_doubted(text: str) -> None:
    assert _remarks(text) == []


def test_what_is_verbatim_keeps_its_ends_and_its_lines() -> None:
    option = Option(("--it",), "it", verbatim=True)
    assert option.convert(" a\nb \r", pytest.fail) == " a\nb \r"
    with pytest.raises(InputError, match="typographic dash"):
        option.convert("—output")


def test_a_value_that_is_too_long_is_refused_with_both_lengths() -> None:
    option = Option(("--it",), "it", longest=4)
    assert option.convert("anna") == "anna"
    with pytest.raises(InputError, match=r"for --it: it has 5 characters \(must have at most 4\)"):
        option.convert("annab")
