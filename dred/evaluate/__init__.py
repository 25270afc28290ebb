# SPDX-License-Identifier: BSD-3-Clause
"""Quality of speech and how to compare it: metrics and reports. Knows nothing of training."""
