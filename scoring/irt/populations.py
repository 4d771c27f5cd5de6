"""The populations a calibration found, as scoring and comparisons use them."""

from dataclasses import dataclass

import numpy as np

from scoring.irt.curves import Array


@dataclass(frozen=True)
class Populations:
    """Groups on the θ scale.

    Attributes:
        names: (G,) names of the groups.
        mean: (G,).
        sd: (G,).
        share: (G,) weights of the groups in the pooled population, summing to one: partners weigh equally, a
            partner's groups by their numbers of students.
        nodes: (Q,) the grid of the calibration.
        histogram: (G, Q) weights on the nodes where populations were estimated as histograms, else None.
    """

    names: tuple[str, ...]
    mean: Array
    sd: Array
    share: Array
    nodes: Array
    histogram: Array | None = None

    @property
    def pooled_mean(self) -> float:
        """Mean of the pooled population."""
        return float(self.share @ self.mean)

    @property
    def pooled_sd(self) -> float:
        """SD of the pooled population."""
        return float(np.sqrt(self.share @ (self.sd**2 + (self.mean - self.pooled_mean) ** 2)))

    def prior(self, which: str = "pooled") -> tuple[float, float]:
        """(mean, SD) of the pooled population, or of the group of that name."""
        if which == "pooled":
            return self.pooled_mean, self.pooled_sd
        at = self.names.index(which)
        return float(self.mean[at]), float(self.sd[at])
