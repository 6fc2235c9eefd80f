"""Compiled inner loops (numba): many steps of one chain, driven by noise that was drawn outside.

A kernel advances several *lanes* of a chain over one block of noise: lanes differ in step sizes or objective and see
the same noise, so that they can be compared pair by pair. Everything a lane remembers (iterate, dual vector, running
sum) is updated in place; nothing grows with the number of steps. All kernels release the interpreter lock.
"""

import math

import numpy as np
from numba import njit

ROOT3 = math.sqrt(3.0)
FREE, BALL, HALF_SPACE, DISCS, LENS, WEDGE = range(6)
DOMAINS = {"free": FREE, "ball": BALL, "half-space": HALF_SPACE, "discs": DISCS, "lens": LENS, "wedge": WEDGE}


@njit(nogil=True, cache=True, inline="always")
def project_lens(y1, y2, y3):
    """The three cases of ``theorylab.studies.projected_sgd_clt.lens.project`` for one point."""
    a = abs(y1)
    r2 = y2 * y2 + y3 * y3
    size2 = (a + 1.0) * (a + 1.0) + r2
    if size2 <= 4.0:
        return y1, y2, y3
    k = 2.0 / math.sqrt(size2)
    first = k * (a + 1.0) - 1.0
    if first >= 0.0:
        return (-first if y1 < 0.0 else first), k * y2, k * y3
    k = ROOT3 / math.sqrt(r2)
    return 0.0, k * y2, k * y3


@njit(nogil=True, cache=True, inline="always")
def project_wedge(y1, y2):
    """Nearest point of the wedge {y1 <= 0, (y1 + sqrt(3) y2) / 2 <= 0} in the plane. Its outward normals, (1, 0) and
    (1, sqrt(3)) / 2, stand at 60 degrees: in no coordinates does the projection act on each of them alone."""
    first, second = y1, (y1 + ROOT3 * y2) / 2.0
    if first <= 0.0 and second <= 0.0:
        return y1, y2
    if first > 0.0 and y2 <= 0.0:
        return 0.0, y2
    if second > 0.0 and y1 - second / 2.0 <= 0.0:
        return y1 - second / 2.0, y2 - second * ROOT3 / 2.0
    return 0.0, 0.0


@njit(nogil=True, cache=True)
def project_onto(domain, radius, y):
    """Project ``y`` in place onto the domain: ball (radius, any dimension), half-space y[0] <= 0, product of discs of
    that radius (consecutive pairs of coordinates), lens (three dimensions), wedge in the first two coordinates times
    all of the others, or nothing."""
    if domain == BALL:
        size = 0.0
        for i in range(y.size):
            size += y[i] * y[i]
        if size > radius * radius:
            k = radius / math.sqrt(size)
            for i in range(y.size):
                y[i] *= k
    elif domain == HALF_SPACE:
        y[0] = min(y[0], 0.0)
    elif domain == DISCS:
        for i in range(0, y.size, 2):
            size = y[i] * y[i] + y[i + 1] * y[i + 1]
            if size > radius * radius:
                k = radius / math.sqrt(size)
                y[i] *= k
                y[i + 1] *= k
    elif domain == LENS:
        y[0], y[1], y[2] = project_lens(y[0], y[1], y[2])
    elif domain == WEDGE:
        y[0], y[1] = project_wedge(y[0], y[1])


@njit(nogil=True, cache=True)
def lens_sgd(noise, steps, objective, x, total, on_circle):
    """Projected SGD on the lens, x <- P(x - eta (c + g)).

    Shapes: noise (n, 3), steps (lanes, n), objective, x, total (lanes, 3), on_circle (lanes,). ``total`` collects the
    iterates after each step, ``on_circle`` counts those with x1 = 0 exactly.
    """
    for lane in range(steps.shape[0]):
        c1, c2, c3 = objective[lane, 0], objective[lane, 1], objective[lane, 2]
        x1, x2, x3 = x[lane, 0], x[lane, 1], x[lane, 2]
        t1, t2, t3, hits = total[lane, 0], total[lane, 1], total[lane, 2], 0
        for i in range(steps.shape[1]):
            eta = steps[lane, i]
            x1, x2, x3 = project_lens(
                x1 - eta * (c1 + noise[i, 0]), x2 - eta * (c2 + noise[i, 1]), x3 - eta * (c3 + noise[i, 2])
            )
            t1 += x1
            t2 += x2
            t3 += x3
            hits += x1 == 0.0
        x[lane, 0], x[lane, 1], x[lane, 2] = x1, x2, x3
        total[lane, 0], total[lane, 1], total[lane, 2] = t1, t2, t3
        on_circle[lane] += hits


@njit(nogil=True, cache=True)
def affine_sgd(noise, steps, matrix, offset, domain, radius, x, total):
    """Projected SGD for the affine map A x + b, x <- P(x - eta (A x + b + g)); shapes as in ``lens_sgd`` with any
    dimension d, matrix (lanes, d, d), offset (lanes, d)."""
    d = noise.shape[1]
    y = np.empty(d)
    for lane in range(steps.shape[0]):
        A, b, here, tally = matrix[lane], offset[lane], x[lane], total[lane]
        for i in range(steps.shape[1]):
            eta = steps[lane, i]
            for row in range(d):
                slope = b[row] + noise[i, row]
                for column in range(d):
                    slope += A[row, column] * here[column]
                y[row] = here[row] - eta * slope
            project_onto(domain, radius, y)
            for row in range(d):
                here[row] = y[row]
                tally[row] += y[row]


@njit(nogil=True, cache=True)
def dual_averaging(noise, steps, matrix, offset, domain, radius, dual, x, total):
    """Dual averaging for the affine map A x + b: z <- z + alpha (A x + b + g), x <- P(-z); shapes as in
    ``affine_sgd``, dual (lanes, d)."""
    d = noise.shape[1]
    y = np.empty(d)
    for lane in range(steps.shape[0]):
        A, b, z, here, tally = matrix[lane], offset[lane], dual[lane], x[lane], total[lane]
        curved = np.any(A != 0.0)
        for i in range(steps.shape[1]):
            alpha = steps[lane, i]
            for row in range(d):
                slope = b[row] + noise[i, row]
                if curved:
                    for column in range(d):
                        slope += A[row, column] * here[column]
                z[row] += alpha * slope
                y[row] = -z[row]
            project_onto(domain, radius, y)
            for row in range(d):
                here[row] = y[row]
                tally[row] += y[row]
