#!/usr/bin/env bash
# Set up what is missing, then execute the notebooks. ./run_all.sh --help says what it can do.
set -u
# Through a symbolic link too.
cd "$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")" || exit 1
. lib/theorylab/laboratory/python.sh

case " $* " in
*" --help "* | *" -h "*) # needs no environment
    python=$(find_python) || exit
    PYTHONPATH=lib exec "$python" -m theorylab.laboratory --help
    ;;
esac
python=$(set_up) || exit
exec "$python" -m theorylab.laboratory "$@"
