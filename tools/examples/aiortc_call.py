#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two aiortc peers in one process talk over a lossy path: aiortc as it is, our codec without
redundancy, with DRED, and with DRED and LBRR.

    pip install 'dred[voip,eval]'
    tools/examples/aiortc_call.py samples/slt_16k.wav --trace samples/bursty_20.txt --out heard

The call is a real one, with ICE, DTLS and SRTP over loopback; losses are drawn where RTP packets
leave the sender, and reports are not lost.
"""

import argparse
import asyncio
import time
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import MediaStreamError

from dred.adapters.aiortc import FRAME, RATE, DredCodec
from dred.evaluate.metrics.align import align
from dred.evaluate.metrics.pesq_wb import pesq_wb
from dred.io.wav import resample
from dred.rtp import is_rtcp
from dred.traces import read_trace

PATIENCE_S = 30.0
MAX_SHIFT_S = 0.1


class Speech(MediaStreamTrack):
    """Samples as a track, 20 ms at a time, so many times faster than they would be spoken."""

    kind = "audio"

    def __init__(self, pcm, speed):
        super().__init__()
        # Silence behind the end pushes the last words out of the other side's buffer.
        self._pcm = np.concatenate([pcm, np.zeros(RATE // 2, np.float32)])
        self._frame_s, self._at, self._start = FRAME / RATE / speed, 0, None

    async def recv(self):
        self._start = self._start or time.monotonic()
        due = self._start + self._at // FRAME * self._frame_s
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        part = self._pcm[self._at : self._at + FRAME]
        if len(part) < FRAME:
            raise MediaStreamError
        samples = np.round(32767 * part).astype(np.int16)[None, :]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._at
        self._at += FRAME
        return frame


class LossyPath:
    """Loses RTP packets where they leave a peer; the trace begins again at its end."""

    def __init__(self, sender, trace):
        self._transport, self._trace = sender.transport, trace
        self._send = self._transport._send_rtp
        self._transport._send_rtp = self.send
        self.packets = self.lost = self.octets = 0

    async def send(self, data):
        if is_rtcp(data):
            return await self._send(data)
        lost = self._trace[self.packets % len(self._trace)]
        self.packets += 1
        self.lost += int(lost)
        self.octets += len(data)
        return None if lost else await self._send(data)

    @property
    def kbps(self):
        """Of RTP packets, headers included."""
        return self.octets * 8 / (self.packets * 20)


async def call(pcm, trace, speed):
    """What the other peer hears of speech at 48 kHz, by the times of its frames, and the path."""
    caller, callee = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    heard = []
    ended = asyncio.Event()

    @callee.on("track")
    def on_track(track):
        async def listen():
            try:
                while True:
                    heard.append(await track.recv())
            except MediaStreamError:
                ended.set()

        callee.listening = asyncio.ensure_future(listen())

    speech = Speech(pcm, speed)
    path = LossyPath(caller.addTrack(speech), trace)
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(callee.localDescription)
    while speech.readyState == "live":
        await asyncio.sleep(0.05)
    await caller.close()
    await asyncio.wait_for(ended.wait(), PATIENCE_S)
    await callee.close()
    return timeline(heard), path


def timeline(frames):
    """Audio [n] of frames where their times put them; silence where there is none."""
    heard = np.zeros(max((f.pts + f.samples for f in frames), default=0), np.float32)
    for frame in frames:
        pcm = frame.to_ndarray().reshape(-1, 2).mean(axis=1) / 32768
        heard[frame.pts : frame.pts + frame.samples] = pcm
    return heard


SETTINGS = {
    "aiortc": None,  # its own codec
    "plain": {"dred_ms": 0, "lbrr": False},
    "dred": {"lbrr": False},
    "dred+lbrr": {"lbrr": True},
}


def compare(pcm, trace, names=tuple(SETTINGS), bitrate=32000, speed=4.0):
    """One row per codec: name, audio at 48 kHz, path, PESQ-WB, what frames were made from."""
    rows = []
    for name in names:
        decoders, settings = [], SETTINGS[name]
        codec = nullcontext()
        if settings is not None:
            codec = DredCodec(bitrate=bitrate, on_decoder=decoders.append, **settings)
        with codec:
            heard, path = asyncio.run(call(pcm, trace, speed))
        clean, degraded, _ = align(pcm, heard, int(MAX_SHIFT_S * RATE))
        frames = decoders[0].stats.frames() if decoders else {}
        rows.append((name, heard, path, pesq_wb(clean, degraded, RATE), frames))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("input", type=Path, metavar="IN.wav", help="speech, mono")
    parser.add_argument("--trace", type=Path, required=True, help="one 0 or 1 per packet")
    parser.add_argument("--bitrate", type=int, default=32000, help="of our codec (default 32000)")
    parser.add_argument("--speed", type=float, default=4.0, help="1: as spoken (default 4)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write what was heard here")
    args = parser.parse_args()
    pcm, rate = soundfile.read(args.input, dtype="float32")
    if pcm.ndim != 1:
        parser.error(f"{args.input}: {pcm.shape[1]} channels; this example is for mono")
    rows = compare(
        resample(pcm, rate, RATE), read_trace(args.trace), bitrate=args.bitrate, speed=args.speed
    )
    print("codec       kb/s  packets  lost  PESQ-WB  frames made from")
    for name, heard, path, score, frames in rows:
        made = ", ".join(f"{what} {count}" for what, count in frames.items()) or "-"
        counts = f"{path.packets:7d}  {path.lost:4d}"
        print(f"{name:10s} {path.kbps:5.1f}  {counts}  {score:7.2f}  {made}")
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            soundfile.write(args.out / f"{name}.wav", heard, RATE)


if __name__ == "__main__":
    main()
