# SPDX-License-Identifier: BSD-3-Clause
import json
from dataclasses import replace
from itertools import islice

import pytest
import soundfile
from signals import voice
from weights import random_image

from dred.errors import AudioError, DredError, TraceError
from dred.evaluate.sweep import (
    Results,
    Settings,
    find_sounds,
    find_traces,
    plan,
    read_records,
    run_job,
    run_jobs,
    write_parquet,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two files, two traces, a model file."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "speech" / "more").mkdir(parents=True)
    (folder / "traces").mkdir()
    (folder / "random.bin").write_bytes(random_image())
    soundfile.write(folder / "speech" / "a.wav", voice(16000, 1.0, seed=1), 16000)
    soundfile.write(folder / "speech" / "more" / "b.flac", voice(16000, 0.8, seed=2), 16000)
    (folder / "traces" / "few.txt").write_text("0\n0\n0\n0\n0\n0\n0\n0\n0\n1\n")
    (folder / "traces" / "many.rle").write_text("0 x 6\n1 x 4\n")
    return folder


@pytest.fixture
def settings(place):
    return Settings(
        ["clean", "plc", "dred"], [16000, 32000], metrics=(), models=str(place / "random.bin")
    )


@pytest.fixture
def jobs(place, settings):
    return plan(find_sounds(place / "speech"), find_traces(place / "traces"), settings)


def test_plan(jobs):
    # 2 files x 2 bitrates x (2 schemes x 2 traces + 1 that meets no trace)
    assert len(jobs) == 2 * 2 * 5
    assert len({job.key for job in jobs}) == len(jobs)
    assert {job.file for job in jobs} == {"a.wav", "more/b.flac"}
    assert {job.trace for job in jobs} == {"", "few.txt", "many.rle"}
    assert {(job.scheme == "clean") == (job.trace == "") for job in jobs} == {True}
    assert {job.loss_percent for job in jobs if job.trace == "many.rle"} == {40}
    # All schemes lose the same packets of a file.
    places = {(job.file, job.trace, job.offset) for job in jobs}
    assert len(places) == len({(job.file, job.trace) for job in jobs})


def test_keys_depend_on_all_that_matters(place, settings, jobs):
    sounds, traces = find_sounds(place / "speech"), find_traces(place / "traces")
    keys = {job.key for job in jobs}

    def common(**changes):
        return keys & {job.key for job in plan(sounds, traces, replace(settings, **changes))}

    assert common() == keys
    assert common(schemes=["dred"]) < keys
    for changes in (
        {"loss_percent": 7}, {"dred_ms": 500}, {"seconds": 0.5}, {"metrics": ("stoi",)},
        {"jitter_ms": 60.0},
    ):  # fmt: skip
        assert not {k for k in common(**changes) if "loss_percent" not in changes}
    other = place / "other.bin"
    other.write_bytes(random_image(seed=5))
    assert common(models=str(other)) == set()


def test_a_trace_is_the_same_wherever_a_file_meets_it(jobs):
    """Its one burst of four is cut in two for a file that begins inside it."""
    job = next(job for job in jobs if job.trace == "many.rle" and job.scheme == "plc")
    found = [run_job(replace(job, offset=offset)) for offset in (0, 8)]
    assert [record["trace_burst"] for record in found] == [4.0, 4.0]
    assert [record["trace_loss"] for record in found] == [0.4, 0.4]


def test_interrupted_and_resumed(place, jobs, tmp_path):
    pytest.importorskip("joblib")
    pytest.importorskip("duckdb")
    whole = Results(tmp_path / "whole.jsonl")
    records = list(whole.append(run_jobs(jobs, processes=1)))
    assert not any("error" in record for record in records)
    write_parquet(records, tmp_path / "whole.parquet")

    results = Results(tmp_path / "results.jsonl")
    assert results.load() == {}
    list(islice(results.append(run_jobs(jobs, processes=1)), 7))
    with results.path.open("a") as file:
        file.write('{"key": "cut sho')
    done = results.load()
    assert len(done) == 7
    rest = [job for job in jobs if job.key not in done]
    again = list(results.append(run_jobs(rest, processes=1)))
    assert len(again) == len(jobs) - 7
    assert len(read_records(results.path)) == len(jobs)
    assert results.load() == whole.load()
    write_parquet(list(results.load().values())[::-1], tmp_path / "resumed.parquet")
    same = (tmp_path / "whole.parquet").read_bytes(), (tmp_path / "resumed.parquet").read_bytes()
    assert same[0] == same[1]

    import duckdb

    path = str(tmp_path / "whole.parquet").replace("'", "''")
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT key, kbps FROM '{path}' ORDER BY key").fetchall()
    assert rows == sorted((record["key"], record["kbps"]) for record in records)


def test_two_processes_give_what_one_gives(jobs):
    pytest.importorskip("joblib")
    some = jobs[:4]
    found = {record["key"]: record for record in run_jobs(some, processes=2)}
    assert found == {job.key: run_job(job) for job in some}


@pytest.mark.slow
def test_a_cluster_gives_the_same(jobs):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        found = {r["key"]: r for r in run_jobs(jobs[:3], cluster=cluster.scheduler_address)}
    assert found == {job.key: run_job(job) for job in jobs[:3]}


def test_a_failure_is_a_record(jobs, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    record = run_job(replace(jobs[0], path=str(broken)))
    assert record["key"] == jobs[0].key
    assert record["error"].startswith("AudioError: ")
    results = Results(tmp_path / "r.jsonl")
    assert list(results.append([record])) == [record]
    # It will be tried again.
    assert results.load() == {}


def test_what_is_not_there(tmp_path, place):
    with pytest.raises(AudioError, match="no such file"):
        find_sounds(tmp_path / "nowhere")
    with pytest.raises(TraceError, match="holds no loss traces"):
        find_traces(place / "speech")
    with pytest.raises(ValueError, match="unknown scheme"):
        plan([], [], Settings(["magic"], [16000]))
    with pytest.raises(ValueError, match="unknown metric"):
        plan([], [], Settings(["dred"], [16000], metrics=("mos",)))


@pytest.mark.parametrize("line", ["nonsense", "[]", "3", json.dumps({"key": "a"}), ""])
def test_a_results_file_of_something_else(tmp_path, line):
    path = tmp_path / "results.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DredError, match="line 1 is no record"):
        read_records(path)
