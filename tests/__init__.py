"""Tests of qsjwt: sentences about behaviour, on real keys and real files."""
