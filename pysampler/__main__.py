"""Lets `python -m pysampler` do what the `pysampler` command does."""

import sys

from pysampler.cli import main

if __name__ == "__main__":
    sys.exit(main())
