"""`python -m router`: the `maek` command where its script is not on the PATH."""

import sys

from router.cli import main

sys.exit(main())
