# SPDX-License-Identifier: BSD-3-Clause
"""`python -m dred.cli`, the same as `dred`."""

import sys

from dred.cli import main

sys.exit(main())
