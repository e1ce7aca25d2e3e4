"""What a batch says at its end."""

import pytest

from qsjwt.cli.progress import summary


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ((6000, 2, 4.1), "6,000 tokens in 4.1 s (1,463/s), 2 rows failed"),
        ((1, 1, 0.5), "1 token in 0.5 s (2/s), 1 row failed"),
        ((0, 0, 0.0), "0 tokens in 0.0 s"),
        ((3, 0, 0.0), "3 tokens in 0.0 s"),
        ((0, 1200, 3.0), "0 tokens in 3.0 s, 1,200 rows failed"),
        ((1_000_000, 0, 3725.0), "1,000,000 tokens in 1 h 2 min (268/s)"),
    ],
)
def test_the_summary_counts_and_says_how_long_it_took(result: tuple[int, int, float], said: str) -> None:
    assert summary(*result) == said
