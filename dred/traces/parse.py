# SPDX-License-Identifier: BSD-3-Clause
"""Models from texts such as `gilbert:p=0.06,r=0.25`; draws nothing.

Loss models:

    bernoulli:p=0.2                  every packet is lost with probability p
    gilbert:p=0.06,r=0.25[,h=0,k=1]  Gilbert-Elliott: p = good to bad, r = bad to good,
                                     h, k = a packet arrives in the bad, the good state
    markov:p=0.02/0.5/0.1/0.8        probability of loss after each history of n packets (2^n of
                                     them, the newest packet is the last binary digit)
    burst:every=2s,length=300ms      a burst of this length at the end of every period
    trace:FILE                       a recorded trace, repeated where it is too short; one with
                                     times (CSV, pcap, pcapng) brings its delays as well

Stages of a network, which also say when packets come:

    jitter:mean=40ms,sd=20ms[,base=0ms,correlation=0]   log-normal delays beyond the base
    reorder:p=0.02,by=2              such a share is overtaken by so many packets
    duplicate:p=0.01[,after=5ms]     such a share comes twice
    queue:link=100k,cross=60k[,depth=200ms,burst=500ms]   a drop-tail queue at a link shared with
                                     other traffic: the more is sent, the more is lost
    playout:delay=60ms               what comes later than the fastest packet by more is lost

A `+` joins them, from sender to receiver: gilbert:p=0.02,r=0.4+jitter:mean=30ms,sd=30ms
"""

import math
import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from dred.digits import whole
from dred.errors import LossModelError
from dred.traces.files import read_transit
from dred.traces.markov import Markov
from dred.traces.models import Bernoulli, Bursts, GilbertElliott, LossModel, Recorded
from dred.traces.network import Duplicate, Jitter, Loss, Network, Playout, Queue, Reorder, Replay

# Longer than any call; counted in packets, it is still a number that arrays can hold.
LONGEST_MS = 24 * 3600 * 1000.0
SHOWN = 60  # characters of a text that a message repeats

USAGE = (
    "bernoulli:p=0.2, gilbert:p=0.06,r=0.25, markov:p=0.1/0.6, burst:every=2s,length=300ms, "
    "jitter:mean=40ms,sd=20ms, reorder:p=0.02,by=2, duplicate:p=0.01, queue:link=100k,cross=60k, "
    "playout:delay=60ms, trace:FILE, or several joined by +"
)


def parse_model(text: str) -> LossModel:
    """A loss model, or a network where it has several stages or says when packets come."""
    if text.startswith("trace:") and Path(text[len("trace:") :]).is_file():
        stages = [_stage(text)]  # a name may hold a +
    else:
        stages = [_stage(part) for part in text.split("+")]
    if len(stages) == 1 and not isinstance(stages[0], _TIMED):
        return stages[0]
    return Network(tuple(s if isinstance(s, _TIMED) else Loss(s) for s in stages))


def _stage(text: str) -> Any:
    kind, _, rest = text.partition(":")
    if kind == "trace" and rest:
        transit, timed = read_transit(rest)
        return Replay(transit) if timed else Recorded(transit.lost)
    if kind not in _KINDS:
        raise LossModelError(f"unknown loss model {text!r}; use {USAGE}")
    model, readers = _KINDS[kind]
    # A duration is called by its name in texts, and with its unit in Python.
    needed = {field.name.removesuffix("_ms") for field in fields(model) if field.default is MISSING}
    values: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        name, equals, value = part.partition("=")
        if not equals or name not in readers or name in values:
            raise LossModelError(f"loss model {text!r}: {part!r} is not understood; use {USAGE}")
        try:
            values[name] = readers[name](value)
        except ValueError as reason:
            where = f"loss model {text[:SHOWN]!r}: {name}"
            raise LossModelError(f"{where} must be {reason}, not {value[:SHOWN]!r}") from None
    for name in sorted(needed - set(values)):
        raise LossModelError(f"loss model {text!r}: {name} is missing; use {USAGE}")
    return model(**{f"{n}_ms" if readers[n] is _milliseconds else n: v for n, v in values.items()})


# Readers of values: their ValueError says what a value must be.


def _probability(text: str) -> float:
    value = _float(text)
    if not 0 <= value <= 1:
        raise ValueError("from 0 to 1")
    return value


def _probabilities(text: str) -> tuple[float, ...]:
    return tuple(_probability(part) for part in text.split("/"))


def _milliseconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", text, re.ASCII)
    value = float(match[1]) * (1000 if match[2] == "s" else 1) if match else math.inf
    if value > LONGEST_MS:
        raise ValueError("a duration such as 300ms or 2s, of a day at most")
    return value


def _bitrate(text: str) -> float:
    value = _float(text.removesuffix("k")) * (1000 if text.endswith("k") else 1)
    if not 0 <= value < math.inf:
        raise ValueError("bit/s such as 64000 or 64k")
    return value


def _count(text: str) -> int:
    value = whole(text, 1000)
    if not value:
        raise ValueError("a whole number from 1 to 1000")
    return value


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


_TIMED = (Jitter, Reorder, Duplicate, Queue, Playout, Replay)
_KINDS: dict[str, tuple[Any, dict[str, Callable[[str], Any]]]] = {
    "bernoulli": (Bernoulli, {"p": _probability}),
    "gilbert": (GilbertElliott, dict.fromkeys("prhk", _probability)),
    "markov": (Markov, {"p": _probabilities}),
    "burst": (Bursts, {"every": _milliseconds, "length": _milliseconds}),
    "jitter": (
        Jitter,
        {**dict.fromkeys(("mean", "sd", "base"), _milliseconds), "correlation": _probability},
    ),
    "reorder": (Reorder, {"p": _probability, "by": _count}),
    "duplicate": (Duplicate, {"p": _probability, "after": _milliseconds}),
    "queue": (
        Queue,
        {"link": _bitrate, "cross": _bitrate, "depth": _milliseconds, "burst": _milliseconds},
    ),
    "playout": (Playout, {"delay": _milliseconds}),
}
