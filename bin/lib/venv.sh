# Sourced by the scripts beside it: the virtual environment, made once and kept as its lock says.
# PYTHON may name the interpreter to make it with. The shell options are the sourcing script's.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
VENV=$ROOT/.venv
VENV_PYTHON=$VENV/bin/python
cd "$ROOT" || exit

say() { printf 'storefront: %s\n' "$*"; }

fail() {
    printf 'storefront: %s\n' "$*" >&2
    exit 1
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    if [[ -n ${PYTHON:-} ]]; then
        is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer."
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed. On Debian: apt-get install python3 python3-venv." \
        "An interpreter elsewhere is named by PYTHON=/path/to/python3."
}

has_ensurepip() { "$1" -c 'import ensurepip, venv; ensurepip.version()' >/dev/null 2>&1; }

# Debian ships the venv module without the part that puts pip into it.
need_ensurepip() {
    local python=$1 package
    has_ensurepip "$python" && return
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
        say "Installing $package, which a virtual environment needs"
        apt-get -qq update || true # an unreachable source may be one that is not needed
        DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$package" \
            >/dev/null || true
    fi
    has_ensurepip "$python" ||
        fail "$python cannot make a virtual environment. On Debian, as root: apt-get install $package"
}

# A virtual environment stops working when the system's Python moves on, or when making it was cut short.
is_venv_sound() { is_new_enough "$VENV_PYTHON" && "$VENV_PYTHON" -c 'import pip' 2>/dev/null; }

make_venv() {
    local python
    python=$(find_python)
    need_ensurepip "$python"
    say "Making a virtual environment in .venv with $("$python" --version)"
    "$python" -m venv --clear "$VENV"
}

sha256_of() {
    "$VENV_PYTHON" -c 'import hashlib, pathlib, sys
print(hashlib.sha256(b"".join(pathlib.Path(name).read_bytes() for name in sys.argv[1:])).hexdigest())' "$@"
}

# ensure_venv LOCK: .venv exists and holds what LOCK says; pip runs only after LOCK changed.
ensure_venv() {
    local lock=$1 stamp=$VENV/$1.sha256 sum
    is_venv_sound || make_venv
    # The shop's own lock counts in both: whoever changes it puts other versions under the other's feet.
    sum=$(sha256_of requirements.txt "$lock")
    if [[ -f $stamp && $(<"$stamp") == "$sum" ]]; then
        return
    fi
    say "Installing the dependencies of $lock (a minute or so the first time)"
    "$VENV_PYTHON" -m pip install -qq --disable-pip-version-check --no-input \
        --require-hashes --requirement "$lock"
    printf '%s\n' "$sum" >"$stamp"
}
