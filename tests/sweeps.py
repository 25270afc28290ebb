# SPDX-License-Identifier: BSD-3-Clause
"""Records of a sweep that never ran, with known answers."""

GAIN = {"plc": 0.0, "lbrr": 0.3, "dred": 1.0}


def record(file, trace, scheme, bitrate, loss, burst, pesq):
    return {
        "key": f"{file} {trace} {scheme} {bitrate}", "file": file, "trace": trace,
        "scheme": scheme, "bitrate": bitrate, "trace_loss": loss, "trace_burst": burst,
        "packets": 100, "lost": round(100 * loss), "kbps": bitrate / 1000, "seconds": 2.0,
        "regular": 100 - round(100 * loss), "lbrr": 0, "red": 0, "dred": 0,
        "plc": round(100 * loss), "pesq": pesq, "stoi": None, "kbps_regular": bitrate / 2000,
        "kbps_lbrr": 0.0, "kbps_red": 0.0, "kbps_dred": bitrate / 2000, "kbps_headers": 16.0,
        "delay_p95_ms": 20.0,
    }  # fmt: skip


def example_records():
    """More bitrate is better up to 32 kb/s, no more beyond; gains are the same on every file."""
    found = []
    for number in range(6):
        for bitrate in (16000, 32000, 40000):
            level = 2 + 0.2 * number + min(bitrate, 32000) / 32000
            found.append(record(f"{number}", "", "clean", bitrate, 0.0, 0.0, level + 2))
            for trace, loss in (("t10", 0.1), ("t11", 0.12), ("t30", 0.3)):
                for scheme, gain in GAIN.items():
                    pesq = level + gain * (1 if loss < 0.2 else 0.5) - 2 * loss
                    found.append(record(f"{number}", trace, scheme, bitrate, loss, 3.0, pesq))
    return found
