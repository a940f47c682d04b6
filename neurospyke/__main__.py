"""`python -m neurospyke`."""

import sys

from neurospyke.cli import main

if __name__ == "__main__":
    sys.exit(main())
