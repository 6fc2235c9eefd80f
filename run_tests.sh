#!/usr/bin/env bash
# Set up what is missing, then run the tests. Arguments go to pytest.
set -u
cd "$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")" || exit 1
. lib/theorylab/laboratory/python.sh

python=$(set_up --dev) || exit
exec "$python" -m pytest "$@"
