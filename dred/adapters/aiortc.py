# SPDX-License-Identifier: BSD-3-Clause
"""DRED in WebRTC calls of aiortc: in outgoing Opus, and out of incoming; opens no connection.

aiortc has no registry of codecs. It looks up three names in its modules whenever a connection needs
them, and `DredCodec` puts ours there: `aiortc.codecs.OpusEncoder`, `aiortc.codecs.OpusDecoder`, and
`aiortc.rtcrtpreceiver.JitterBuffer`. The last one has to go because it waits up to 16 packets for
one that is lost, gives up four good ones in front of it, and never says what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Any

import numpy as np

from dred.allocation import TYPICAL_BURST
from dred.errors import UnavailableError
from dred.models import Models, load_models
from dred.receiver import Receiver, Source
from dred.receiver.stats import Stats
from dred.rtp import RtpPacket, RtpReceiver
from dred.rtp.sdp import OpusFormat
from dred.rtp.serial import Unwrapper
from dred.sender import MAX_DRED_MS, Sender
from dred.units import known_delay

try:
    import aiortc.codecs
    import aiortc.jitterbuffer
    import aiortc.mediastreams
    import aiortc.rtcrtpreceiver
    import aiortc.rtp
    import aiortc.sdp
    import av
except ImportError as reason:
    raise UnavailableError(
        f"dred.adapters.aiortc needs {reason.name}: pip install 'dred[voip]'"
    ) from None

RATE = 48000  # of RTP timestamps, and of the audio that aiortc's decoder gives
FRAME = 960  # samples of 20 ms
TIME_BASE = Fraction(1, RATE)
LAYOUTS = {1: "mono", 2: "stereo"}
# A longer jump of time is a sender that paused or began anew: it is left out, not filled.
MAX_GAP_MS = 2000.0


class DredEncoder:
    """In the place of aiortc's Opus encoder: audio frames to Opus packets with DRED.

    sender: at 48 kHz, with packets of 20 ms. The reports in which our own receivers tell their
    play-out delay (RFC 7005) do not come through: aiortc drops RTCP XR as it parses. Whoever learns
    of a delay in another way, such as a data channel, sets `jitter_ms`.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._jitter_ms = sender.jitter_ms
        self._resampler = av.AudioResampler(
            format="flt", layout=LAYOUTS[sender.channels], rate=RATE, frame_size=FRAME
        )
        self._first_pts: int | None = None

    @property
    def jitter_ms(self) -> float | None:
        """Play-out delay of the other end, as for `dred.Sender`. It may be set at any time and from
        any thread: packets are made in another one, and the next of them follow it."""
        return self._jitter_ms

    @jitter_ms.setter
    def jitter_ms(self, milliseconds: float | None) -> None:
        self._jitter_ms = known_delay(milliseconds)

    def encode(self, frame: Any, force_keyframe: bool = False) -> tuple[list[bytes], int | None]:
        """Packets of an av.AudioFrame of at most 20 ms, and their time in samples at 48 kHz; no
        packet and None while audio is gathered."""
        # aiortc would send all packets of a call with one timestamp.
        if frame.samples * RATE > FRAME * frame.sample_rate:
            milliseconds = 1000 * frame.samples / frame.sample_rate
            raise ValueError(f"frame: expected at most 20 ms of audio, got {milliseconds:.0f} ms")
        if self._jitter_ms != self._sender.jitter_ms:
            self._sender.jitter_ms = self._jitter_ms
        packets: list[bytes] = []
        pts = None
        for part in self._resampler.resample(frame):
            pts = part.pts if pts is None else pts
            packets += self._sender.push(part.to_ndarray().reshape(-1, self._sender.channels))
        if pts is None:
            return [], None
        if self._first_pts is None:
            self._first_pts = pts
        return packets, pts - self._first_pts

    def pack(self, packet: Any) -> tuple[list[bytes], int]:
        """An av.Packet that a track has encoded already: sent as it is."""
        time = aiortc.mediastreams.convert_timebase(packet.pts, packet.time_base, TIME_BASE)
        return [bytes(packet)], time


class Arrival(aiortc.jitterbuffer.JitterFrame):  # type: ignore[misc]
    """A packet on its way to DredDecoder, as aiortc passes frames on."""

    def __init__(self, packet: Any) -> None:
        super().__init__(packet.payload, packet.timestamp)
        self.packet = RtpPacket(
            packet.payload_type, packet.sequence_number, packet.timestamp, packet.ssrc,
            packet.payload,
        )  # fmt: skip


class Passage:
    """In the place of aiortc's jitter buffer: Opus packets pass at once, as our receiver puts them
    in order itself. Video, and audio of fixed payload types, is left to aiortc's own."""

    def __init__(self, capacity: int, prefetch: int = 0, is_video: bool = False) -> None:
        self._own = _ORIGINALS["JitterBuffer"](capacity, prefetch, is_video)
        self._is_video = is_video

    def add(self, packet: Any) -> tuple[bool, Any]:
        """Whether to ask for a key frame, and what can be decoded now, or None."""
        # Of all audio that aiortc knows, only Opus has a dynamic payload type.
        if self._is_video or packet.payload_type not in aiortc.rtp.DYNAMIC_PAYLOAD_TYPES:
            return self._own.add(packet)
        return False, Arrival(packet)


class DredDecoder:
    """In the place of aiortc's Opus decoder: packets as they come to audio without holes.

    make: makes the receiver (48 kHz) of a stream; its jitter_ms is how long it waits for packets
    out of order. Time is what packets say: a burst of losses is filled once a packet behind it is
    here, so that a burst of any length that DRED covers is recovered without a further delay.
    """

    def __init__(self, make: Callable[[], Receiver]) -> None:
        self._make = make
        self._pts = 0
        self._ssrc: int | None = None
        self._begin()

    def _begin(self) -> None:
        self._receiver = self._make()
        self._rtp = RtpReceiver(self._receiver)
        self._times = Unwrapper(32)
        self._first: int | None = None  # timestamp
        self._clock_ms = 0.0  # audio pulled since then

    @property
    def stats(self) -> Stats:
        """What happened in the present stream."""
        return self._receiver.stats

    def decode(self, encoded_frame: Any) -> list[Any]:
        """The av.AudioFrames (16 bit, stereo, 48 kHz) that an Arrival completes."""
        packet: RtpPacket = encoded_frame.packet
        now_ms = self._time_ms(packet)
        if packet.ssrc != self._ssrc or abs(now_ms - self._clock_ms) > MAX_GAP_MS:
            self._begin()
            self._ssrc = packet.ssrc
            now_ms = self._time_ms(packet)
        self._rtp.push_packet(packet, now_ms)
        frames = []
        while self._clock_ms < now_ms:
            pcm = self._receiver.pull()
            self._clock_ms += 1000 * len(pcm) / RATE
            if self.stats.last is not Source.WAITING:
                frames.append(self._frame(pcm))
        return frames

    def _time_ms(self, packet: RtpPacket) -> float:
        """When a packet's audio begins, from the first packet of the stream on."""
        time = self._times.push(packet.timestamp)
        if self._first is None:
            self._first = time
        return 1000 * (time - self._first) / RATE

    def _frame(self, pcm: Any) -> Any:
        stereo = np.broadcast_to(pcm.reshape(len(pcm), -1), (len(pcm), 2))
        samples = np.round(32767 * stereo).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = RATE, TIME_BASE, self._pts
        self._pts += len(pcm)
        return frame


@dataclass
class DredCodec:
    """What aiortc's Opus becomes while installed: for all connections of the process whose media
    begins then.

        with DredCodec(bitrate=32000, dred_ms=1000):
            ...  # connect and talk

    bitrate, dred_ms, lbrr, loss_percent, loss_burst: as for `dred.Sender`. channels: of what is
    sent and played, 1 or 2. reorder_ms: how long to wait for packets out of order. use_dred: make
    use of what comes. jitter_ms: play-out delay of the other end, as for `dred.Sender`, where it is
    known; not where DredDecoder is the other end, which fills a burst from the first packet behind
    it. on_encoder, on_decoder: told of each as it is made, in the thread that runs it.
    """

    bitrate: int = 32000
    dred_ms: int = 1000
    lbrr: bool | None = None
    loss_percent: int = 20
    loss_burst: float = TYPICAL_BURST
    channels: int = 1
    reorder_ms: float = 60.0
    use_dred: bool = True
    models: Models | None = None
    jitter_ms: float | None = None
    on_encoder: Callable[[DredEncoder], None] | None = None
    on_decoder: Callable[[DredDecoder], None] | None = None

    def __post_init__(self) -> None:
        self.models = self.models or load_models()
        self._sender()  # a wrong setting is an error here, not in aiortc's tasks
        self._receiver()

    def encoder(self) -> DredEncoder:
        """An encoder with these settings."""
        made = DredEncoder(self._sender())
        if self.on_encoder is not None:
            self.on_encoder(made)
        return made

    def decoder(self) -> DredDecoder:
        """A decoder with these settings."""
        made = DredDecoder(self._receiver)
        if self.on_decoder is not None:
            self.on_decoder(made)
        return made

    def _sender(self) -> Sender:
        return Sender(
            RATE, self.channels, 20, self.bitrate, self.dred_ms, self.lbrr,
            loss_percent=self.loss_percent, loss_burst=self.loss_burst, models=self.models,
            jitter_ms=self.jitter_ms,
        )  # fmt: skip

    def _receiver(self) -> Receiver:
        return Receiver(
            RATE, self.channels, self.models, self.reorder_ms, use_dred=self.use_dred
        )  # fmt: skip

    def install(self) -> None:
        """Take the place of aiortc's codec, and say so in the session descriptions it writes."""
        aiortc.codecs.OpusEncoder = self.encoder
        aiortc.codecs.OpusDecoder = self.decoder
        aiortc.rtcrtpreceiver.JitterBuffer = Passage
        offered = OpusFormat(
            inband_fec=True,
            dred_ms=MAX_DRED_MS if self.use_dred else None,
            sends_dred_ms=self.dred_ms or None,
        )
        _opus().parameters = aiortc.sdp.parameters_from_sdp(offered.parameters())

    def remove(self) -> None:
        """Put aiortc's own back; connections that talk already keep what they have."""
        for name, module in _PLACES.items():
            setattr(module, name, _ORIGINALS[name])
        _opus().parameters = {}

    def __enter__(self) -> DredCodec:
        self.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.remove()


def _opus() -> Any:
    """aiortc's entry for Opus in what it offers."""
    return next(c for c in aiortc.codecs.CODECS["audio"] if c.mimeType == "audio/opus")


_PLACES = {
    "OpusEncoder": aiortc.codecs,
    "OpusDecoder": aiortc.codecs,
    "JitterBuffer": aiortc.rtcrtpreceiver,
}
_ORIGINALS = {name: getattr(module, name) for name, module in _PLACES.items()}
