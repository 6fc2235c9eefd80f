#!/usr/bin/env bash
# Set up what is missing, then run the tests.
#   ./run_tests.sh          all tests, with today's sample of the planted bugs
#   ./run_tests.sh --all    all tests and all planted bugs, then a few random mutants, which are reported and never fail
#   ./run_tests.sh ...      whatever else stands here goes to pytest
set -u
cd "$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")" || exit 1
. lib/theorylab/laboratory/python.sh

python=$(set_up --dev) || exit
if [ $# -eq 0 ]; then
    THEORYLAB_PLANTED=sample exec "$python" -m pytest
elif [ "$1" != --all ]; then
    exec "$python" -m pytest "$@"
fi
shift
"$python" -m pytest "$@"
code=$?
set -- notebooks/[0-9][0-9]_*.ipynb
shift $(($(date +%s) / 86400 % $#))
notebook=$(basename "$1" .ipynb)
echo "Random mutants of $notebook, for information:"
"$python" -m tests.mutants "${notebook%%_*}" --count 5 --seed "$(date +%Y%m%d)" || true
exit "$code"
