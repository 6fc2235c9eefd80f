"""Named streams are reproducible and independent; nothing is seeded globally."""

import numpy as np
import pytest

from theorylab.random import generator, torch_generator

PINNED = [1962005174, 3243391210, 900161129]
PINNED_TORCH = 2787853423834231894


def test_same_name_same_stream_other_name_other_stream():
    first = generator(0, "a", 1).standard_normal(4)
    assert (generator(0, "a", 1).standard_normal(4) == first).all()
    for other in (generator(1, "a", 1), generator(0, "a", 2), generator(0, "b", 1), generator(0, "a1")):
        assert not np.isclose(other.standard_normal(4), first).any()


def test_parts_of_a_purpose_do_not_run_together():
    assert generator(0, "ab", "c").random() != generator(0, "a", "bc").random()


def test_streams_look_independent():
    draws = np.array([generator(seed, "x").standard_normal(200) for seed in range(50)])
    correlations = np.corrcoef(draws)[np.triu_indices(50, 1)]
    # 1225 correlations of 200 normal pairs: the largest of so many has standard score about 3.3.
    assert np.abs(correlations).max() < 5 / np.sqrt(200)


def test_global_state_is_untouched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    generator(0, "a").standard_normal(10)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_pinned_values_do_not_change_with_versions():
    """A record made today must be reproducible: these are the first draws of two streams."""
    assert generator(0, "pinned").integers(0, 2**32, 3).tolist() == PINNED
    assert torch_generator(0, "pinned").initial_seed() == PINNED_TORCH


def test_torch_stream():
    import torch

    first = torch.randn(3, generator=torch_generator(0, "a"))
    assert torch.equal(first, torch.randn(3, generator=torch_generator(0, "a")))
    assert not torch.equal(first, torch.randn(3, generator=torch_generator(1, "a")))


@pytest.mark.parametrize("seed", [True, 1.5, "0", None])
def test_seed_must_be_an_integer(seed):
    with pytest.raises(TypeError, match="seed"):
        generator(seed, "a")


def test_purpose_is_required():
    with pytest.raises(ValueError, match="purpose"):
        generator(0)
