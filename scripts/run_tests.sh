#!/usr/bin/env bash
# The whole test suite, in an environment that this makes when it is missing. Arguments go to pytest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
exec "$PYTHON" -m pytest "$@"
