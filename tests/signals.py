# SPDX-License-Identifier: BSD-3-Clause
"""Audio made on the spot, and packets of it by plain libopus; knows no DRED."""

import numpy as np

from dred.opus import OpusEncoder


def voice(rate: int, seconds: float, channels: int = 1, seed: int = 1) -> np.ndarray:
    """Something like voiced speech: a glide of harmonics under slow changes of level, some noise.

    [n] for one channel; [n, channels], each weaker than the one before, otherwise.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(round(rate * seconds)) / rate
    phase = 2 * np.pi * (120 * t + 8 * np.sin(2 * np.pi * 0.7 * t))
    harmonics = [k for k in range(1, 60) if 145 * k < 0.45 * rate]
    buzz = sum(np.sin(k * phase + k * k) / (1 + 0.4 * k) for k in harmonics)
    pcm = buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 1.3 * t)) + 0.05 * rng.normal(size=len(t))
    pcm = (0.1 * pcm / (np.std(pcm) or 1)).astype(np.float32)
    if channels == 1:
        return pcm
    return pcm[:, None] * np.linspace(1, 0.5, channels, dtype=np.float32)


def opus_packets(
    rate: int,
    count: int,
    *,
    channels: int = 1,
    frame_ms: float = 20,
    mode: str = "auto",
    lbrr: bool = False,
    bitrate: int = 24000,
) -> list[bytes]:
    """Ordinary packets of `voice`."""
    encoder = OpusEncoder(rate, channels)
    encoder.configure(bitrate=bitrate, mode=mode, lbrr=lbrr, loss_percent=20 if lbrr else 0)
    if mode == "silk":  # with more bandwidth than that, the encoder adds a CELT layer
        encoder.configure(bandwidth="wb" if rate >= 16000 else "nb")
    frame = round(rate * frame_ms / 1000)
    pcm = voice(rate, count * frame_ms / 1000, channels)
    return [encoder.encode(pcm[i * frame : (i + 1) * frame]) for i in range(count)]


def delay(first: np.ndarray, second: np.ndarray) -> int:
    """Samples by which the second signal lags the first, where their correlation is highest."""
    size = len(first) + len(second)
    spectrum = np.conj(np.fft.rfft(first, size)) * np.fft.rfft(second, size)
    lag = int(np.argmax(np.fft.irfft(spectrum, size)))
    return lag if lag < len(second) else lag - size
