"""Presets name the same sizes; sweeps make complete tables and resume where they stopped."""

import os
import pathlib
import signal
import time
from types import SimpleNamespace

import dask
import distributed
import pandas as pd
import pytest

from theorylab.experiment import plain, preset, sweep


def test_preset_gives_attributes_and_paper_falls_back_to_full():
    sizes = {"quick": {"n": 1}, "full": {"n": 2}}
    assert preset("quick", **sizes).n == 1
    assert preset("full", **sizes).n == 2
    assert preset("paper", **sizes).n == 2
    assert preset("paper", **sizes, paper={"n": 3}).n == 3


def test_preset_mistakes_are_named():
    with pytest.raises(ValueError, match="quick, full, paper"):
        preset("huge", quick={}, full={})
    with pytest.raises(ValueError, match="only one of them has: m"):
        preset("quick", quick={"n": 1}, full={"n": 1, "m": 2})


def test_sweep_is_the_product_in_order():
    table = sweep(lambda seed, a, b: {"sum": seed + a + b}, seeds=[0, 10], a=[1, 2], b=[3])
    assert list(table.columns) == ["seed", "a", "b", "sum"]
    assert table.to_numpy().tolist() == [[0, 1, 3, 4], [0, 2, 3, 5], [10, 1, 3, 14], [10, 2, 3, 15]]


def test_trials_may_return_several_rows():
    table = sweep(lambda seed, n: [{"k": k} for k in range(n)], n=[1, 2])
    assert table["k"].tolist() == [0, 0, 1]
    framed = sweep(lambda seed, n: pd.DataFrame({"k": range(n)}), n=[2])
    assert framed["k"].tolist() == [0, 1]


def test_sweep_mistakes_are_named():
    with pytest.raises(ValueError, match="'a'"):
        sweep(lambda seed, a: {}, a=[])
    with pytest.raises(TypeError, match="dict"):
        sweep(lambda seed, a: 3, a=[1])


def test_interrupted_sweep_resumes(tmp_path):
    calls = []

    def trial(seed, a):
        calls.append(a)
        if a == 3 and len(calls) == 3:
            raise KeyboardInterrupt
        return {"square": a * a}

    with pytest.raises(KeyboardInterrupt):
        sweep(trial, resume=tmp_path, a=[1, 2, 3, 4])
    table = sweep(trial, resume=tmp_path, a=[1, 2, 3, 4])
    assert calls == [1, 2, 3, 3, 4]
    assert table["square"].tolist() == [1, 4, 9, 16]
    sweep(trial, resume=tmp_path, a=[5])
    assert calls[-1] == 5


@pytest.fixture(scope="module")
def cluster():
    """Two workers in processes of their own, as on another machine."""
    with (
        dask.config.set({"distributed.comm.timeouts.connect": 120}),  # a busy machine starts workers slowly
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
    ):
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster, set_as_default=False) as client:
        yield client


def here_and_there(seed, a):
    """Rows that tell where they were made in no column."""
    return [{"k": k, "value": (seed + 1) * a**k} for k in range(a)]


def test_a_sweep_on_workers_has_the_same_rows_in_the_same_order(client):
    axes = {"seeds": [3, 0], "a": [2, 1, 4, 3]}
    pd.testing.assert_frame_equal(sweep(here_and_there, client=client, **axes), sweep(here_and_there, **axes))
    made_at = sweep(lambda seed, a: {"process": os.getpid()}, client=client, a=range(8))
    assert os.getpid() not in set(made_at["process"])


def test_the_scheduler_of_the_run_is_found_by_its_variable(cluster, monkeypatch):
    monkeypatch.setenv(plain.SCHEDULER_VARIABLE, cluster.scheduler_address)
    assert os.getpid() not in set(sweep(lambda seed: {"process": os.getpid()}, seeds=range(4))["process"])


def test_a_worker_killed_in_the_middle_costs_its_trial_only(client, tmp_path):
    def trial(seed, a):
        with open(tmp_path / f"{a}", "a") as file:
            file.write("begun\n")
        if a == 5 and (tmp_path / "5").read_text().count("begun") == 1:
            deadline = time.monotonic() + 30
            # The other worker goes on meanwhile; one trial may have been waiting behind this one.
            while len(list(store.glob("*.pkl"))) < 8 and time.monotonic() < deadline:
                time.sleep(0.05)
            finished = [n for n in range(10) if n != 5 and (tmp_path / f"{n}").exists()]
            (tmp_path / "finished").write_text(" ".join(map(str, finished)))
            os.kill(os.getpid(), signal.SIGKILL)
        return {"square": a * a}

    store = tmp_path / "kept"
    table = sweep(trial, client=client, resume=store, a=range(10))
    assert table["square"].tolist() == [a * a for a in range(10)]
    assert (tmp_path / "5").read_text().count("begun") == 2
    finished = (tmp_path / "finished").read_text().split()
    assert len(finished) >= 8
    assert all((tmp_path / n).read_text().count("begun") == 1 for n in finished)
    assert len(list(store.iterdir())) == 10


def test_a_sweep_on_workers_resumes(client, tmp_path):
    def trial(seed, a):
        with open(tmp_path / f"{a}", "a") as file:
            file.write("begun\n")
        if a == 3 and not pathlib.Path(tmp_path / "mended").exists():
            raise ArithmeticError("not yet")
        return {"square": a * a}

    with pytest.raises(ArithmeticError):
        sweep(trial, client=client, resume=tmp_path / "kept", a=[1, 3])
    (tmp_path / "mended").touch()
    sweep(trial, client=client, resume=tmp_path / "kept", a=[1, 3])
    assert sweep(trial, resume=tmp_path / "kept", a=[1, 3])["square"].tolist() == [1, 9]
    assert (tmp_path / "3").read_text().count("begun") == 2


def test_a_trial_that_kills_every_worker_is_named(client):
    def trial(seed, a):
        raise distributed.KilledWorker(
            "trial", SimpleNamespace(address="there"), 3
        )  # what Dask says about it in the end

    with pytest.raises(RuntimeError, match=r"the trial {'seed': 0, 'a': 7} was given up after 4 attempts"):
        sweep(trial, client=client, a=[7])


def test_a_worker_with_another_library_is_refused(client, monkeypatch):
    monkeypatch.setattr("theorylab.experiment.freshness.installation_digest", lambda: "another")
    with pytest.raises(RuntimeError, match="another version of theorylab"):
        sweep(lambda seed: {}, client=client)
