"""`python -m lib` is the command `akin`."""

import sys

from lib.cli import main

sys.exit(main())
