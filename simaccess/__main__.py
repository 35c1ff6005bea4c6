"""Run the command as ``python -m simaccess``."""

import sys

from simaccess.cli import main

sys.exit(main())
