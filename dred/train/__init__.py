# SPDX-License-Identifier: BSD-3-Clause
"""Training of the networks: data, graphs in torch, losses, schedules; knows nothing of packets."""
