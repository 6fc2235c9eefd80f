"""Presets name the same sizes; sweeps make complete tables and resume where they stopped."""

import pandas as pd
import pytest

from theorylab.experiment import preset, sweep


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
