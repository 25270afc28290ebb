# SPDX-License-Identifier: BSD-3-Clause
"""A live call in real time through a bad network: PESQ-WB of dred+lbrr against plc, and the delay.

`dred send` and `dred receive` run as processes of their own, in two network namespaces with tc
netem between them where that is allowed (root, iproute2, a kernel with sch_netem), else on
loopback with `dred relay`. Linux only. Example:
`python tools/bench/netem_call.py --seconds 60 --loss 20 --burst 5 --jitter-ms 30 --out netem`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dred.evaluate.metrics import measure
from dred.evaluate.metrics.align import find_shift
from dred.io.wav import mix, read_wav, resample
from dred.io.wav_writer import write_wav

ROOT = Path(__file__).resolve().parents[2]
RATE = 16000
WINDOW_S = 6
# A fixed part of the delay, so that jitter can go both ways.
DELAY_MS = 50
SCHEMES = {
    "dred+lbrr": (["--dred-ms", "1000", "--lbrr", "--loss-percent", "20"], []),
    "plc": (
        ["--dred-ms", "0", "--loss-percent", "0"],
        ["--no-dred", "--no-lbrr", "--plc", "classic"],
    ),
}
SENDER_NS, RECEIVER_NS = "dred-sender", "dred-receiver"
SENDER_IP, RECEIVER_IP = "10.77.0.1", "10.77.0.2"
PORT, RELAY_PORT = 5704, 5702
STATS = re.compile(r"delay (\d+) of (\d+) ms")


@dataclass
class Network:
    """Where to run both ends, and where to send."""

    kind: str
    sender: list[str]  # command in front of the sender's
    receiver: list[str]
    listen: str
    to: str


@dataclass
class Heard:
    """One call."""

    pesq: list[float]
    delay_ms: list[float]  # of every second
    target_ms: list[float]
    report: dict


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", default=str(ROOT / "samples" / "slt_16k.wav"), help="to loop")
    parser.add_argument("--seconds", type=int, default=60, help="of each call (default 60)")
    parser.add_argument("--loss", type=float, default=20.0, help="percent (default 20)")
    parser.add_argument("--burst", type=float, default=5.0, help="mean packets (default 5)")
    parser.add_argument("--jitter-ms", type=float, default=30.0, help="default 30")
    parser.add_argument("--recover-ms", type=float, default=500.0,
                        help="play-out delay for recovery (default 500)")  # fmt: skip
    parser.add_argument("--bitrate", type=int, default=32000, help="bit/s in all (default 32000)")
    parser.add_argument("--relay", action="store_true", help="do not try namespaces")
    parser.add_argument("--out", default="netem", help="results: OUT.json and OUT.png")
    return parser


def gilbert(args: argparse.Namespace) -> tuple[float, float]:
    """Probabilities of entering and of leaving a burst."""
    leave = 1 / args.burst
    return leave * args.loss / (100 - args.loss), leave


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


@contextmanager
def namespaces(args: argparse.Namespace) -> Iterator[Network]:
    """Two namespaces, a virtual cable, netem on the sender's end of it."""
    enter, leave = gilbert(args)
    try:
        run("ip", "netns", "add", SENDER_NS)
        run("ip", "netns", "add", RECEIVER_NS)
        run("ip", "link", "add", "dred0", "netns", SENDER_NS, "type", "veth",
            "peer", "name", "dred1", "netns", RECEIVER_NS)  # fmt: skip
        for space, device, ip in (
            (SENDER_NS, "dred0", SENDER_IP),
            (RECEIVER_NS, "dred1", RECEIVER_IP),
        ):
            run("ip", "-n", space, "addr", "add", f"{ip}/24", "dev", device)
            run("ip", "-n", space, "link", "set", device, "up")
        run("ip", "netns", "exec", SENDER_NS, "tc", "qdisc", "add", "dev", "dred0", "root", "netem",
            "delay", f"{DELAY_MS}ms", f"{args.jitter_ms / 2}ms",
            "loss", "gemodel", f"{100 * enter}%", f"{100 * leave}%")  # fmt: skip
        yield Network(
            "tc netem between two namespaces",
            ["ip", "netns", "exec", SENDER_NS], ["ip", "netns", "exec", RECEIVER_NS],
            f"{RECEIVER_IP}:{PORT}", f"{RECEIVER_IP}:{PORT}",
        )  # fmt: skip
    finally:
        for space in (SENDER_NS, RECEIVER_NS):
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)


@contextmanager
def loopback(args: argparse.Namespace) -> Iterator[Network]:
    """Loopback, with our own relay in the middle."""
    enter, leave = gilbert(args)
    relay = start(
        [], "relay", "--listen", f"127.0.0.1:{RELAY_PORT}", "--to", f"127.0.0.1:{PORT}",
        "--loss", f"gilbert:p={enter},r={leave}", "--delay", str(DELAY_MS - args.jitter_ms / 2),
        "--jitter", str(args.jitter_ms), "--seconds", str(args.seconds + 20),
    )  # fmt: skip
    try:
        yield Network("dred relay on loopback", [], [],
                      f"127.0.0.1:{PORT}", f"127.0.0.1:{RELAY_PORT}")  # fmt: skip
    finally:
        relay.terminate()
        relay.wait()


def start(prefix: list[str], *command: str) -> subprocess.Popen[str]:
    """One of our commands as a process."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-m", "dred.cli", *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def open_network(stack: ExitStack, args: argparse.Namespace) -> Network:
    """Namespaces where they can be had; says why not otherwise."""
    if not args.relay:
        try:
            return stack.enter_context(namespaces(args))
        except FileNotFoundError as reason:
            print(f"no namespaces: {reason.filename} is missing (iproute2)", file=sys.stderr)
        except subprocess.CalledProcessError as reason:
            what = " ".join(reason.cmd[:8])
            print(f"no namespaces with netem: `{what} ...` says {reason.stderr.strip()!r}",
                  file=sys.stderr)  # fmt: skip
        args.relay = True  # once is enough
    return stack.enter_context(loopback(args))


def call(network: Network, scheme: str, source: Path, args: argparse.Namespace) -> Heard:
    """One call in real time."""
    sending, receiving = SCHEMES[scheme]
    with tempfile.TemporaryDirectory() as folder:
        heard = Path(folder) / "heard.wav"
        receiver = start(
            network.receiver, "receive", "--listen", network.listen, str(heard), "--adaptive",
            "--jitter-ms", str(args.recover_ms), "--output-rate", str(RATE), "--idle", "3",
            "--stats", "--json", *receiving,
        )  # fmt: skip
        time.sleep(2)  # until it listens
        sender = start(network.sender, "send", str(source), "--to", network.to,
                       "--bitrate", str(args.bitrate), *sending)  # fmt: skip
        _, complaints = sender.communicate()
        if sender.returncode:
            receiver.terminate()
            raise RuntimeError(complaints)
        printed, lines = receiver.communicate(timeout=60)
        if receiver.returncode:
            raise RuntimeError(lines)
        delays = [(float(a), float(b)) for a, b in STATS.findall(lines)]
        return Heard(
            windows(read_wav(source)[0], read_wav(heard)[0]),
            [delay for delay, _ in delays], [target for _, target in delays],
            json.loads(printed),
        )  # fmt: skip


def windows(sent: np.ndarray, heard: np.ndarray) -> list[float]:
    """PESQ-WB of stretches, each aligned by itself: the delay varies."""
    size, reach = WINDOW_S * RATE, RATE // 2
    scores = []
    for begin in range(0, min(len(sent), len(heard)) - size + 1, size):
        near = heard[begin : begin + size + reach]
        at = max(0, begin + find_shift(sent[begin : begin + size], near, reach))
        part = heard[at : at + size]
        scores.append(measure(sent[begin : begin + len(part)], part, RATE, ["pesq"])["pesq"])
    return scores


def main() -> int:
    args = get_parser().parse_args()
    pcm, rate = read_wav(args.speech)
    speech = np.resize(resample(mix(pcm, 1).ravel(), rate, RATE), args.seconds * RATE)
    found: dict[str, Heard] = {}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "sent.wav"
        write_wav(source, speech, RATE)
        for scheme in SCHEMES:
            with ExitStack() as stack:
                network = open_network(stack, args)
                print(f"{scheme}: {args.seconds} s through {network.kind}", flush=True)
                found[scheme] = call(network, scheme, source, args)
    for scheme, heard in found.items():
        report = heard.report
        print(f"{scheme:10s} PESQ-WB {np.nanmean(heard.pesq):.2f}   lost {report['lost']} of "
              f"{report['packets'] + report['lost']}, late {report['late']}   delay "
              f"{np.min(heard.delay_ms):.0f} to {np.max(heard.delay_ms):.0f} ms   "
              f"frames {report['frames']}")  # fmt: skip
    Path(f"{args.out}.json").write_text(
        json.dumps({scheme: vars(heard) for scheme, heard in found.items()}, indent=1) + "\n"
    )
    plot(f"{args.out}.png", found)
    return 0


def plot(path: str, found: dict[str, Heard]) -> None:
    """PESQ and delay over time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (top, bottom) = pyplot.subplots(2, 1, sharex=True, figsize=(9, 5))
    for scheme, heard in found.items():
        edges = WINDOW_S * np.arange(len(heard.pesq) + 1)
        title = f"{scheme}, {np.nanmean(heard.pesq):.2f} in the mean"
        top.stairs(heard.pesq, edges, baseline=None, label=title)
        bottom.plot(heard.delay_ms, label=f"{scheme}: delay")
        bottom.plot(heard.target_ms, "--", label=f"{scheme}: target")
    top.set_ylabel("PESQ-WB")
    top.legend()
    bottom.set_ylabel("buffer delay, ms")
    bottom.set_xlabel("seconds")
    bottom.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    sys.exit(main())
