"""`python tests/fuzz`: see fuzz_run."""

import sys

from fuzz_run import main

if __name__ == "__main__":
    sys.exit(main())
