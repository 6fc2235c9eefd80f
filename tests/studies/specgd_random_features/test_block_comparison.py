"""The drawn digits and the comparison of steps by block of a small network."""

import pytest
import torch

from theorylab.studies.specgd_random_features import block_comparison
from theorylab.studies.specgd_random_features.block_comparison import compare_blocks, loss_of
from theorylab.studies.specgd_random_features.glyphs import CLASSES, SIDE, glyphs


def test_glyphs_are_images_with_all_digits():
    images, digits = glyphs(0, 300)
    assert images.shape == (SIDE**2, 300)
    assert images.min() >= 0
    assert images.max() <= 1
    assert set(digits.tolist()) == set(range(CLASSES))
    # An eight lights all segments and a one two of them.
    assert images[:, digits == 8].mean() > 1.5 * images[:, digits == 1].mean()


def test_gradients_and_curvatures_are_those_of_automatic_differentiation():
    images, digits = glyphs(1, 12)
    weights = block_comparison._initial(1)
    _, gradients, loss, curvatures = block_comparison._look(weights, images, digits, measure=True)
    leaves = [W.clone().requires_grad_() for W in weights]
    for found, expected in zip(gradients, torch.autograd.grad(loss_of(leaves, images, digits), leaves)):
        torch.testing.assert_close(found, expected)
    assert float(loss) == pytest.approx(float(loss_of(weights, images, digits)))
    # Gauss-Newton matrix of the second block: J^T H J with J the derivative of the logits by its output.
    inputs, logits = block_comparison._forward(weights, images)
    largest = []
    for i in range(12):
        z = weights[1] @ inputs[1][:, i]
        J = torch.autograd.functional.jacobian(lambda z: weights[2] @ torch.relu(z), z)
        p = logits[:, i].softmax(0)
        largest.append(torch.linalg.eigvalsh(J.T @ (torch.diag(p) - torch.outer(p, p)) @ J)[-1])
    torch.testing.assert_close(curvatures[1], torch.stack(largest).max())


def test_a_table_has_a_row_per_block_and_time():
    table = compare_blocks(0, times=3, samples=60)
    assert len(table) == 9
    assert (table.search_spec >= table.fixed_spec).all()
    assert (table.search_gd >= table.fixed_gd).all()
    assert table[["multiple_gd", "multiple_spec"]].isin(block_comparison.GRID).all(axis=None)
    assert (table.stable_rank <= 144).all()


@pytest.mark.parametrize("call", [lambda: glyphs(0, 0), lambda: compare_blocks(0, times=0)])
def test_empty_requests_are_refused(call):
    with pytest.raises(ValueError, match="at least one"):
        call()
