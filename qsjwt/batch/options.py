"""The options of ``--batch`` and what belongs to it."""

from typing import Final

from qsjwt.errors import InputError
from qsjwt.io.read import whole_number
from qsjwt.options.parser import Parser
from qsjwt.tokens.request import Options

CSV: Final = "csv"
JSON: Final = "json"
JSON_LINES: Final = "jsonl"
FORMATS: Final = (CSV, JSON, JSON_LINES)
MAX_JOBS: Final = 256

_ONLY_WITH_BATCH: Final = {"batch_format": "--batch-format", "jobs": "--jobs", "fail_fast": "--fail-fast"}


def add_batch_options(parser: Parser) -> None:
    """Add ``--batch`` and what belongs to it; with it, what is required may come from the rows."""
    group = parser.group("batch")
    parser.waiver = group.add(
        "--batch",
        metavar="FILE",
        help="a token for each row of FILE, - for stdin (CSV, JSON, JSON Lines); its columns are options",
        verbatim=True,
    )
    group.add(
        "--batch-format",
        choices=FORMATS,
        metavar="FORMAT",
        advanced=True,
        help=f"{', '.join(FORMATS)}; default by the file's ending, or its first line",
    )
    group.add(
        "--jobs",
        type=_jobs,
        metavar="N",
        advanced=True,
        help="how many sign at once: processes, or concurrent calls to a service; default: the number of cores",
    )
    group.add(
        "--fail-fast", action="store_true", advanced=True, help="stop at the first bad row, and write no --output"
    )


def _jobs(text: str) -> int:
    return checked_jobs(whole_number(text, "number of jobs"))


def checked_jobs(number: int) -> int:
    """Return *number* if so many may sign at once.

    :raises InputError: if not.
    """
    if not isinstance(number, int) or not 1 <= number <= MAX_JOBS:
        raise InputError(f"the number of jobs must be between 1 and {MAX_JOBS}, not {number}")
    return number


def require_batch(options: Options) -> None:
    """Return if *options* have nothing that needs a batch.

    :raises InputError: if they have.
    """
    for dest, name in _ONLY_WITH_BATCH.items():
        if getattr(options, dest):
            raise InputError(f"{name} can only be used with --batch", hint="add --batch FILE, or leave it out")
