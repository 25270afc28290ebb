# SPDX-License-Identifier: BSD-3-Clause
"""Files and containers, one format per module: bytes to arrays and back. Knows no codec."""
