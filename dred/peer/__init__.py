# SPDX-License-Identifier: BSD-3-Clause
"""The other implementation of DRED, that of libopus, used as an application of it would: what ours
has to understand, and is compared with. There is none where libopus is older or built without."""

from dred.peer.codec import DredDecoder, DredEncoder, DredParser, require, why_not
from dred.peer.receiver import LibopusReceiver
from dred.peer.sender import LibopusSender

__all__ = [
    "DredDecoder",
    "DredEncoder",
    "DredParser",
    "LibopusReceiver",
    "LibopusSender",
    "require",
    "why_not",
]
