# SPDX-License-Identifier: BSD-3-Clause
"""Bridges into media stacks that others wrote. Each needs its own optional package; nothing in
`dred` imports them."""
