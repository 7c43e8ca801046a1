"""`python -m cut`: the console command `cut` where its folder is not on the path."""

import sys

from cut.cli.console import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
