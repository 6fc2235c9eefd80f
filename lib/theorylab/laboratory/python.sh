# Sourced by run_all.sh and run_tests.sh from the root of the checkout.

# Print a Python that is new enough: the active environment's where there is one.
find_python() {
    for name in python python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    echo "theorylab: needs Python 3.11 or newer, and none is on the PATH; install one from https://www.python.org" >&2
    return 1
}

# Print the interpreter of an environment that has everything, making .venv where necessary.
set_up() {
    base=$(find_python) || return
    "$base" -P lib/theorylab/laboratory/environment.py "$@"
}
