"""``python -m qsjwt``."""

from qsjwt.cli.process import program

if __name__ == "__main__":
    program()
