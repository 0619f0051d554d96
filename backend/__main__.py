"""`python -m backend` is the same as `daka`."""

import sys

from backend.cli.main import main

sys.exit(main())
