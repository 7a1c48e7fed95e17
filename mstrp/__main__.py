"""Run the program: ``python -m mstrp``."""

import sys

from mstrp.cli import main

sys.exit(main())
