# Sourced by the other scripts: makes .venv with everything in requirements.txt, once, and sets PYTHON to its Python.
# PYTHON_FOR_VENV chooses the interpreter it is made with (default: python3).

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON="$PWD/.venv/bin/python"

_fail() {
    echo "$1" >&2
    exit 2
}

_make_environment() {
    local base="${PYTHON_FOR_VENV:-python3}" wanted installed=.venv/installed_requirements.txt
    wanted="$(cat requirements.txt)"
    if [ -x "$PYTHON" ] && [ "$(cat "$installed" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    command -v "$base" >/dev/null || _fail "There is no $base: install Python 3.11 or newer."
    "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        _fail "Python 3.11 or newer is needed, and $base is $("$base" -V 2>&1): set PYTHON_FOR_VENV to a newer one."
    if ! [ -x "$PYTHON" ] || ! "$PYTHON" -m pip --version >/dev/null 2>&1; then
        echo "Making the environment .venv …"
        "$base" -m venv --clear .venv ||
            _fail "$base cannot make an environment: install its venv module (python3-venv on Debian and Ubuntu)."
    fi
    echo "Installing the requirements (PyTorch is large; once only) …"
    # visdom 0.2 is built from source by a setuptools that still has pkg_resources; the two names serve older and newer pip.
    local constraint="$PWD/.venv/constraints.txt"
    echo "setuptools<81" >"$constraint"
    PIP_CONSTRAINT="$constraint" PIP_BUILD_CONSTRAINT="$constraint" \
        "$PYTHON" -m pip install --quiet --disable-pip-version-check -r requirements.txt ||
        _fail "The requirements could not be installed: read pip's message above, then run this again."
    echo "$wanted" >"$installed"
}

_make_environment
