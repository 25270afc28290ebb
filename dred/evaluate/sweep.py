# SPDX-License-Identifier: BSD-3-Clause
"""Many simulations: speech files x traces x schemes x bitrates, on all cores or on a Dask cluster.

Every job has a key, a hash of all that its result depends on: what a results file already holds is
not computed again. Knows nothing of reports.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dred.errors import AudioError, DredError, TraceError, UnavailableError
from dred.evaluate.outcome import DEFAULT_METRICS, check_metrics, describe, scores
from dred.evaluate.program import program
from dred.io.wav import mix, read_wav
from dred.models import Models, load_models
from dred.simulate import JITTER_MS, find_scheme, simulate
from dred.traces import SUFFIXES, measure, read_trace

SOUND_SUFFIXES = (".wav", ".flac", ".ogg")
SOURCES = ("regular", "lbrr", "red", "dred", "plc")
PURPOSES = ("regular", "lbrr", "red", "dred", "headers")
# The measuring packages have state of their own: a worker with threads must not mix it.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Job:
    """One simulation; plain values, so that it travels to any process."""

    key: str
    file: str  # as reports name it
    path: str
    trace: str  # likewise; empty for schemes that lose nothing
    trace_path: str
    offset: int  # packet of the trace that meets the first packet of the file
    scheme: str
    bitrate: int
    loss_percent: int
    frame_ms: int
    dred_ms: int
    seconds: float | None
    metrics: tuple[str, ...]
    models: str | None
    equal: str = "total"
    jitter_ms: float = JITTER_MS


@dataclass(frozen=True)
class Settings:
    """What all jobs of a sweep have in common. loss_percent: what senders are told; None is the
    loss rate of each trace. seconds: use the beginning of each file only. jitter_ms: play-out delay
    of the receivers, of which senders are told."""

    schemes: Sequence[str]
    bitrates: Sequence[int]
    loss_percent: int | None = None
    frame_ms: int = 20
    dred_ms: int = 1000
    seconds: float | None = None
    metrics: Sequence[str] = DEFAULT_METRICS
    models: str | None = None
    equal: str = "total"  # what the bitrate is of: all that is sent, or the "regular" frames
    jitter_ms: float = JITTER_MS


def find_sounds(place: str | os.PathLike[str]) -> list[Path]:
    """The sound files of a folder and those below it, or the one file."""
    return _find(place, SOUND_SUFFIXES, "sound files", AudioError)


def find_traces(place: str | os.PathLike[str]) -> list[Path]:
    """Likewise the loss traces."""
    return _find(place, SUFFIXES, "loss traces", TraceError)


def _find(
    place: str | os.PathLike[str], suffixes: tuple[str, ...], what: str, error: type[DredError]
) -> list[Path]:
    path = Path(place)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise error(f"{path}: no such file or folder")
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    if not found:
        raise error(f"{path}: holds no {what} ({', '.join(suffixes)})")
    return found


def plan(sounds: Sequence[Path], traces: Sequence[Path], settings: Settings) -> list[Job]:
    """All jobs, file by file, so that an interrupted sweep is even over schemes and bitrates.

    Each file meets each trace at a place of its own, the same for all schemes: short files would
    else only ever meet the traces' beginnings. A scheme that loses nothing meets no trace.
    """
    metrics = tuple(check_metrics(settings.metrics))
    lossless = {name: find_scheme(name).lossless for name in settings.schemes}
    models_hash = hashlib.sha256(load_models(settings.models).image).hexdigest()
    sound_hashes = {path: _hash(path) for path in sounds}
    known = [(path, _hash(path), read_trace(path)) for path in traces]
    names = {path: _name(path, sounds) for path in sounds}
    trace_names = {path: _name(path, traces) for path in traces}
    jobs: dict[str, Job] = {}
    for sound in sounds:
        for trace, trace_hash, flags in known:
            digest = hashlib.sha256((sound_hashes[sound] + trace_hash).encode()).digest()
            percent = settings.loss_percent
            told = max(1, round(100 * float(flags.mean()))) if percent is None else percent
            for bitrate in settings.bitrates:
                for scheme in settings.schemes:
                    clean = lossless[scheme]
                    job = Job(
                        key="",
                        file=names[sound],
                        path=str(sound.resolve()),
                        trace="" if clean else trace_names[trace],
                        trace_path="" if clean else str(trace.resolve()),
                        offset=0 if clean else int.from_bytes(digest[:4], "big") % len(flags),
                        scheme=scheme,
                        bitrate=bitrate,
                        loss_percent=0 if clean else told,
                        frame_ms=settings.frame_ms,
                        dred_ms=settings.dred_ms,
                        seconds=settings.seconds,
                        metrics=metrics,
                        models=settings.models and str(Path(settings.models).resolve()),
                        equal=settings.equal,
                        jitter_ms=settings.jitter_ms,
                    )
                    key = _key(job, sound_hashes[sound], "" if clean else trace_hash, models_hash)
                    jobs.setdefault(key, Job(**{**asdict(job), "key": key}))
    return list(jobs.values())


def _key(job: Job, sound_hash: str, trace_hash: str, models_hash: str) -> str:
    parts = [
        program(), sound_hash, trace_hash, models_hash, job.offset, job.scheme, job.bitrate,
        job.loss_percent, job.frame_ms, job.dred_ms, job.seconds, job.metrics,
        job.equal, job.jitter_ms,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _name(path: Path, paths: Sequence[Path]) -> str:
    """The path below the folder that all of them share."""
    folder = os.path.commonpath([p.parent for p in paths])
    return path.relative_to(folder).as_posix()


@functools.cache
def _models(path: str | None) -> Models:
    return load_models(path)


def run_job(job: Job) -> dict[str, Any]:
    """One flat record; of a job that failed: its key and names, and `error`."""
    names = {"key": job.key, "file": job.file, "trace": job.trace, "scheme": job.scheme,
             "bitrate": job.bitrate}  # fmt: skip
    try:
        return names | _run(job)
    except Exception as reason:
        # Whatever it is: one bad file must not end a sweep of a thousand.
        text = " ".join(str(reason).split())
        return names | {"error": f"{type(reason).__name__}: {text}"}


def _run(job: Job) -> dict[str, Any]:
    pcm, rate = read_wav(job.path)
    pcm = mix(pcm, 1)
    if job.seconds is not None:
        pcm = pcm[: round(job.seconds * rate)]
    if len(pcm) == 0:
        raise AudioError(f"{job.path}: holds no samples")
    trace = read_trace(job.trace_path) if job.trace_path else np.zeros(1)
    flags = np.roll(trace, -job.offset)
    result = simulate(
        pcm, rate, flags, job.scheme, job.bitrate, job.loss_percent, _models(job.models),
        frame_ms=job.frame_ms, dred_ms=job.dred_ms, equal=job.equal, jitter_ms=job.jitter_ms,
    )  # fmt: skip
    found = describe(result)
    stats = measure(result.lost)
    with _one_at_a_time:
        rated = scores(pcm, result.pcm, rate, job.metrics)
    return {
        "loss_percent": job.loss_percent,
        "dred_ms": job.dred_ms,
        "frame_ms": job.frame_ms,
        "jitter_ms": job.jitter_ms,
        "seconds": len(pcm) / rate,
        "packets": found["packets"],
        "lost": found["lost"],
        "mean_burst": stats.mean_burst,
        # Of the trace as it is: turned round, a burst may be cut in two.
        "trace_loss": float(trace.mean()),
        "trace_burst": measure(trace).mean_burst,
        "kbps": found["kbps"],
        **{source: found["frames"].get(source, 0) for source in SOURCES},
        **{f"kbps_{purpose}": found["split"][purpose] for purpose in PURPOSES},
        "delay_p95_ms": found["delay"]["p95_ms"],
        # JSON knows no NaN.
        **{name: v if v is not None and np.isfinite(v) else None for name, v in rated.items()},
    }


def run_jobs(
    jobs: Sequence[Job], processes: int = -1, cluster: str | None = None
) -> Iterator[dict[str, Any]]:
    """Records as they come, in any order. processes: -1 is one per core. cluster: address of a
    Dask scheduler, whose workers see the same files and run one thread each."""
    if cluster is not None:
        return _on_cluster(jobs, cluster)
    return _on_cores(jobs, processes)


def _on_cores(jobs: Sequence[Job], processes: int) -> Iterator[dict[str, Any]]:
    try:
        from joblib import Parallel, delayed, parallel_config
        from joblib.externals.loky.process_executor import TerminatedWorkerError
    except ImportError:
        raise UnavailableError("a sweep needs joblib: pip install 'dred[lab]'") from None
    try:
        with parallel_config("loky", inner_max_num_threads=1):
            runner = Parallel(n_jobs=processes, return_as="generator_unordered")
            yield from runner(delayed(run_job)(job) for job in jobs)
    except TerminatedWorkerError:
        raise DredError(
            "a worker process died, perhaps for want of memory; the same command goes on from here"
        ) from None


def _on_cluster(jobs: Sequence[Job], address: str) -> Iterator[dict[str, Any]]:
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise UnavailableError("--cluster needs dask: pip install 'dred[cluster]'") from None
    with Client(address) as client:
        futures = client.map(run_job, jobs, key=[job.key for job in jobs], pure=False)
        by_key = {job.key: job for job in jobs}
        for future in as_completed(futures):
            if future.status == "finished":
                yield future.result()
            else:  # its workers died, several times over
                job = by_key[future.key]
                yield {"key": job.key, "file": job.file, "trace": job.trace, "scheme": job.scheme,
                       "bitrate": job.bitrate, "error": repr(future.exception())}  # fmt: skip


class Results:
    """A file of records, one JSON object per line, appended to as they come."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def load(self) -> dict[str, dict[str, Any]]:
        """The records by key. A last line that a crash cut short is taken out of the file."""
        if not self.path.exists():
            return {}
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            with self.path.open("rb+") as file:
                file.truncate(len(whole))
        records = read_records(self.path)
        return {record["key"]: record for record in records}

    def append(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Pass the records on; those without `error` are in the file by then."""
        with self.path.open("a", encoding="utf-8") as file:
            for record in records:
                if "error" not in record:
                    file.write(json.dumps(record) + "\n")
                    file.flush()
                yield record


def read_records(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The records of a results file."""
    records = []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as reason:
        raise DredError(f"{path}: cannot be read: {reason}") from None
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            record["key"], record["kbps"]
            record["file"], record["trace"], record["scheme"], record["bitrate"]
        except (ValueError, TypeError, KeyError):
            raise DredError(f"{path}: line {number} is no record of a sweep") from None
        records.append(record)
    return records


def write_parquet(records: Sequence[dict[str, Any]], path: str | os.PathLike[str]) -> None:
    """The records as a table; the same records in any order make the same file."""
    try:
        import duckdb
    except ImportError:
        raise UnavailableError("Parquet needs duckdb: pip install 'dred[lab]'") from None
    metrics = {name for record in records for name in record} - _COLUMNS.keys()
    columns = _COLUMNS | dict.fromkeys(sorted(metrics), "DOUBLE")
    target = Path(path)
    lines = target.with_suffix(".part")
    ordered = sorted(records, key=lambda record: str(record["key"]))
    try:
        lines.write_text("".join(json.dumps(record) + "\n" for record in ordered))
        # One thread: several would cut the table into row groups of their own.
        with duckdb.connect(config={"threads": 1}) as connection:
            types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
            connection.execute(
                f"COPY (SELECT * FROM read_json({_quoted(lines)}, format='newline_delimited', "
                f"columns={{{types}}}) ORDER BY key) TO {_quoted(target)} (FORMAT parquet)"
            )
    finally:
        lines.unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


_COLUMNS = {
    "key": "VARCHAR", "file": "VARCHAR", "trace": "VARCHAR", "scheme": "VARCHAR",
    "bitrate": "BIGINT", "loss_percent": "BIGINT", "dred_ms": "BIGINT", "frame_ms": "BIGINT",
    "jitter_ms": "DOUBLE",
    "seconds": "DOUBLE", "packets": "BIGINT", "lost": "BIGINT", "mean_burst": "DOUBLE",
    "trace_loss": "DOUBLE", "trace_burst": "DOUBLE", "kbps": "DOUBLE",
    **dict.fromkeys(SOURCES, "BIGINT"),
    **{f"kbps_{purpose}": "DOUBLE" for purpose in PURPOSES},
    "delay_p95_ms": "DOUBLE",
}  # fmt: skip
