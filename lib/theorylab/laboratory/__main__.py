import sys

from theorylab.laboratory.command import main

if __name__ == "__main__":
    sys.exit(main())
