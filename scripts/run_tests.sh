#!/usr/bin/env bash
# The whole test suite, in an environment that this makes when it is missing, in as many processes as there are
# processors, but at most 4. Arguments go to pytest; `-n 0` tests in one process.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
export OMP_NUM_THREADS=1 # the processes share the processors
# A test that ends its process is tried once more, in another.
exec "$PYTHON" -m pytest -n auto --maxprocesses 4 --dist loadfile --max-worker-restart 1 "$@"
