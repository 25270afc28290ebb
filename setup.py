# SPDX-License-Identifier: BSD-3-Clause
"""Compiles the C core as dred._core; everything else is in pyproject.toml."""

from setuptools import setup

setup(cffi_modules=["dred/_build.py:ffi"])
