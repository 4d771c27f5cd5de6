"""What the link between scales that were calibrated apart adds to a contrast.

The sides of a contrast move with the scales their students lie on. Each scale is off by a shift of its own, such that
two scales differ by the link's error; a shift that all have in common is nobody's error. So a gap between two scales
has the whole of it, a gap within one has none, groups that lie on several have the part by which their mixes differ,
and gaps in gaps only what does not cancel: nothing for means, the difference in densities at the cut for shares.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.comparison.contrasts import Contrast

Array = NDArray[np.float64]
#: Half the width around the cut in which draws are counted for the density, in SDs of θ.
NEAR = 0.25


def scale_slopes(
    values: NDArray[np.floating[Any]],
    scale: NDArray[np.str_],
    member: NDArray[np.bool_],
    cuts: Array,
    weights: Array | None = None,
) -> Array:
    """How a group's mean and shares move when one of the scales moves up.

    Args:
        values: (N, M, C) plausible values.
        scale: (N,) which scale each student lies on.
        member: (N, G) base groups.
        cuts: (C, L), NaN where a concept has none.
        weights: (N,) case weights; default 1.

    Returns:
        (P, G, C, 1 + L), scales in sorted order: the group's share on the scale, for the mean; its students' density at
        the cut, from the draws within a quarter SD, for the shares.
    """
    names = sorted(set(scale.tolist()))
    w = np.ones(len(values)) if weights is None else weights
    out = np.zeros((len(names), member.shape[1], values.shape[2], 1 + cuts.shape[1]))
    for g in range(member.shape[1]):
        total = float(w[member[:, g]].sum())
        for p, name in enumerate(names):
            here = member[:, g] & (scale == name)
            if total <= 0 or not here.any():
                continue
            share = w[here] / total
            out[p, g, :, 0] = share.sum()
            for i in range(cuts.shape[1]):
                near = (np.abs(values[here] - cuts[:, i]) <= NEAR).mean(axis=1) / (2 * NEAR)
                out[p, g, :, 1 + i] = share @ near
    return out


def link_variance(contrast: Contrast, slopes: Array, link: Array) -> Array:
    """(C, 1 + L) variance that the link adds to a contrast, in squared units of the measure.

    Args:
        contrast: of base groups.
        slopes: of `scale_slopes`.
        link: (C,) SE of the difference between two scales, in SDs of θ.
    """
    touched = slopes[..., 0][:, contrast.groups()].any(axis=(1, 2))
    if touched.sum() < 2:
        return np.zeros(slopes.shape[2:])
    moved = contrast.value(slopes)
    centred = moved - moved[touched].mean(axis=0)
    return np.asarray((centred[touched] ** 2).sum(axis=0) / 2 * link[:, None] ** 2)
