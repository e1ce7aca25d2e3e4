"""The documentation as it is built; the environment "docs" of tox builds it."""
