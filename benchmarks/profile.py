"""How long the concept profile and the comparison take: six concepts, two districts, converged, every standard error.

    python benchmarks/profile.py [--small]

Times are of `scoring.concept_profile` from a DataFrame to the finished result, and of `scoring.plausible_values` (20
draws, 80 schools) with `scoring.compare` after it. Beside them stands the time of a bare numpy matrix product in the
same run, since a busy machine slows both; processor seconds are less troubled by neighbours than those of the clock.
Targets on two quiet cores: 20,000 × 42 in 3 s, 164,130 × 60 in 12 s, its plausible values and comparison in 12 s.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd

from scoring.comparisons import compare, plausible_values
from scoring.irt.curves import ItemParameters, category_probabilities
from scoring.profiles import ConceptProfile, concept_profile

T = TypeVar("T")
CONCEPTS = 6


def world(students: int, per_concept: int) -> tuple[pd.DataFrame, dict[str, str], "pd.Series[str]"]:
    """Responses of two districts of 47 and 53 % of the students, one concept reversed."""
    random = np.random.default_rng(1)
    n = CONCEPTS * per_concept
    items = ItemParameters(
        tuple(f"item{j:02d}" for j in range(n)),
        ("2pl",) * n,
        1.2 * random.lognormal(0, 0.3, n),
        random.normal(0, 1, (n, 1)),
        np.zeros(n),
        np.full(n, 2),
    )
    correlation = np.full((CONCEPTS, CONCEPTS), 0.75) + 0.25 * np.eye(CONCEPTS)
    first = int(0.467 * students)
    means = np.full((2, CONCEPTS), 0.25)
    means[0] *= -1
    means[:, -1] *= -1
    theta = np.concatenate(
        [
            random.multivariate_normal(means[0], 0.9 * correlation, first),
            random.multivariate_normal(means[1], 1.05 * correlation, students - first),
        ]
    )
    scores = np.zeros((students, n), dtype=np.int8)
    for j in range(n):
        p = category_probabilities(items.select(np.array([j])), theta[:, j // per_concept])[0, 1]
        scores[:, j] = random.random(students) < p
    district = pd.Series(np.repeat(["A", "B"], [first, students - first]))
    concept = {name: f"concept {j // per_concept}" for j, name in enumerate(items.names)}
    return pd.DataFrame(scores, columns=list(items.names)), concept, district


def matrix_product() -> float:
    """Best of three times of a 1,500 × 1,500 product, in seconds."""
    matrix = np.random.default_rng(0).normal(size=(1500, 1500))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - start)
    return min(times)


def compared(profile: ConceptProfile, responses: pd.DataFrame, district: "pd.Series[str]") -> None:
    """Plausible values and the comparison of the districts with its jackknife over 40 schools each."""
    school = np.random.default_rng(2).integers(0, 40, len(district))
    persons = pd.DataFrame({"district": district, "school": district + pd.Series(school).astype(str)})
    drawn = plausible_values(profile, responses, persons, [], draws=20, seed=1)
    compare(drawn, cuts=dict.fromkeys(drawn.concepts, 0.3))


def timed(work: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """The result, with seconds of the clock and of the processors, and in matrix products of this run."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    product = matrix_product()
    return result, {"seconds": wall, "cpu_seconds": cpu, "products": wall / product, "product_seconds": product}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="only 20,000 students")
    given = parser.parse_args()
    rows: list[dict[str, object]] = []
    for students, per_concept, target in ((20_000, 7, 3.0), (164_130, 10, 12.0))[: 1 if given.small else 2]:
        responses, concepts, district = world(students, per_concept)
        size = {"students": students, "items": per_concept * CONCEPTS}
        profile, times = timed(partial(concept_profile, responses, concepts, groups=district))
        ended = {"passes": profile.iterations, "decrement": profile.decrement, "converged": profile.converged}
        rows.append({"work": "profile", **size, "target": target, **times, **ended})
        _, times = timed(partial(compared, profile, responses, district))
        rows.append({"work": "comparison", **size, "target": target, **times})
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
