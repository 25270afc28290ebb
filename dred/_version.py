# SPDX-License-Identifier: BSD-3-Clause
"""The version, in this one place: read by pyproject.toml, the C build and the Makefile."""

__version__ = "0.1.0"
