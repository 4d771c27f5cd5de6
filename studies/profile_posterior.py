"""How far expectation propagation, and its corrected marginals, are from the exact posterior of a student.

    python studies/profile_posterior.py

Two and three concepts: the sum over the product grid of all concepts. More: with equal correlations ρ the concepts are
θ_c = √ρ f + √(1 - ρ) e_c, independent given f, and the posterior is a sum over f of products of one-dimensional sums,
exact for any number of concepts. The table is studies/profile_posterior.csv: largest errors over the students of a
cell. Bounds: mean .01 posterior SDs, SD 2 %, P(mastery) .005. The cells marked "beyond" ask how far that carries:
correlations of .95 and more, slopes of 3 to 4, asymptotes of .35, one item or thirty to a concept, ten concepts.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from scoring.irt.curves import ItemParameters, category_probabilities, log_probabilities
from scoring.irt.ep import concept_loglik, ep_posterior
from scoring.irt.ep_correction import corrected_marginals

HERE = Path(__file__).parent
CUT = 0.43
STUDENTS = 200
Array = NDArray[np.float64]
USUAL, STEEP = (0.8, 2.0), (3.0, 4.0)
# concepts, items per concept, correlation, slopes, asymptote of a 3PL (None: .1 to .3)
PLANNED = [(2, 2, 0.9, USUAL, None), (2, 10, 0.7, USUAL, None), (3, 4, 0.8, USUAL, None), (6, 5, 0.75, USUAL, None)]
BEYOND = [
    (6, 1, 0.75, USUAL, None),
    (6, 20, 0.75, USUAL, None),
    (8, 4, 0.8, USUAL, None),
    (10, 4, 0.8, USUAL, None),
    (6, 4, 0.9, USUAL, None),
    (6, 4, 0.95, USUAL, None),
    (6, 4, 0.98, USUAL, None),
    (6, 4, 0.75, STEEP, None),
    (6, 30, 0.9, STEEP, None),
]
GUESSED = [(6, 4, 0.8, USUAL, 0.35), (3, 3, 0.9, STEEP, 0.35)]
CELLS = [("planned", m, *cell) for m in ("2pl", "3pl", "gpcm", "grm") for cell in PLANNED]
CELLS += [("beyond", m, *cell) for m in ("2pl", "3pl", "gpcm") for cell in BEYOND]
CELLS += [("beyond", "3pl", *cell) for cell in GUESSED]


def draw_items(
    model: str, n: int, random: np.random.Generator, slopes: tuple[float, float] = USUAL, g: float | None = None
) -> ItemParameters:
    """n items with slopes from a range, thresholds around the population's middle."""
    a = random.uniform(*slopes, n)
    names = tuple(f"i{j}" for j in range(n))
    asymptote = np.zeros(n)
    if model == "3pl":
        asymptote = random.uniform(0.1, 0.3, n) if g is None else np.full(n, g)
    if model == "grm":
        d = a[:, None] * (np.array([1.2, 0.1, -1.1]) + random.normal(0, 0.3, (n, 1)))
    elif model == "gpcm":
        d = np.cumsum(-a[:, None] * (np.array([-0.8, 0.1, 0.9]) + random.normal(0, 0.3, (n, 1))), axis=1)
    else:
        d = -a[:, None] * random.normal(0, 0.9, (n, 1))
    return ItemParameters(names, (model,) * n, a, d, asymptote, np.full(n, d.shape[1] + 1))


def draw_scores(items: ItemParameters, concept: NDArray[np.int64], theta: Array, random: np.random.Generator):
    """Scores of students at these abilities."""
    out = np.zeros((len(theta), len(items)), dtype=np.int8)
    for j in range(len(items)):
        p = category_probabilities(items.select(np.array([j])), theta[:, concept[j]])[0]
        out[:, j] = (random.random(len(theta)) > np.cumsum(p, axis=0)[:-1]).sum(axis=0)
    return out


def on_the_grid(items: ItemParameters, scores: Array, concept: Array, covariance: Array) -> tuple[Array, Array, Array]:
    """Exact means, SDs and P(θ >= CUT) from the product grid; the cut lies midway between two of its nodes."""
    n_concepts = len(covariance)
    spacing = 0.04 if n_concepts == 2 else 0.12
    nodes = CUT + spacing * (np.arange(-int(6 / spacing), int(6 / spacing)) + 0.5)
    mesh = np.stack(np.meshgrid(*[nodes] * n_concepts, indexing="ij"), axis=-1).reshape(-1, n_concepts)
    prior = multivariate_normal(np.zeros(n_concepts), covariance).pdf(mesh)
    loglik = concept_loglik(items, scores, concept, nodes)
    means, sds, above = [], [], []
    for student in loglik:
        density = prior.reshape((nodes.size,) * n_concepts).copy()
        for c in range(n_concepts):
            shape = [1] * n_concepts
            shape[c] = -1
            density *= np.exp(student[c] - student[c].max()).reshape(shape)
        density /= density.sum()
        marginals = [density.sum(axis=tuple(k for k in range(n_concepts) if k != c)) for c in range(n_concepts)]
        mean = np.array([m @ nodes for m in marginals])
        means.append(mean)
        sds.append([np.sqrt(m @ (nodes - mu) ** 2) for m, mu in zip(marginals, mean, strict=True)])
        above.append([m[nodes > CUT].sum() for m in marginals])
    return np.array(means), np.array(sds), np.array(above)


def by_one_factor(items: ItemParameters, scores: Array, concept: Array, rho: float) -> tuple[Array, Array, Array]:
    """The same for any number of concepts whose correlations are all `rho`."""
    factor = np.linspace(-7.0, 7.0, 281)
    spacing = 0.025
    nodes = CUT + spacing * (np.arange(-int(8 / spacing), int(8 / spacing)) + 0.5)
    given = np.exp(-0.5 * (nodes - np.sqrt(rho) * factor[:, None]) ** 2 / (1 - rho))  # of θ_c given f
    table = log_probabilities(items, nodes)
    n_concepts = int(concept.max()) + 1
    out = np.zeros((3, len(scores), n_concepts))
    for i, answers in enumerate(scores):
        likelihood = [table[own, answers[own]].sum(axis=0) for own in (concept == c for c in range(n_concepts))]
        likelihood = [np.exp(curve - curve.max()) for curve in likelihood]
        sums = [given @ curve for curve in likelihood]
        log_factor = -0.5 * factor**2 + sum(np.log(s) for s in sums)
        weight = np.exp(log_factor - log_factor.max())
        for c in range(n_concepts):
            marginal = likelihood[c] * ((weight / sums[c]) @ given)
            marginal /= marginal.sum()
            mean = marginal @ nodes
            out[:, i, c] = mean, np.sqrt(marginal @ (nodes - mean) ** 2), marginal[nodes > CUT].sum()
    return out[0], out[1], out[2]


def main() -> None:
    rows = []
    for number, (kind, model, n_concepts, per_concept, rho, slopes, g) in enumerate(CELLS):
        random = np.random.default_rng(number)
        items = draw_items(model, n_concepts * per_concept, random, slopes, g)
        concept = np.repeat(np.arange(n_concepts), per_concept)
        covariance = np.full((n_concepts, n_concepts), rho) + (1 - rho) * np.eye(n_concepts)
        n = 100 if n_concepts == 3 else STUDENTS
        scores = draw_scores(items, concept, random.multivariate_normal(np.zeros(n_concepts), covariance, n), random)
        nodes = np.linspace(-6.0, 6.0, 121 if per_concept < 20 else 241)
        loglik = concept_loglik(items, scores, concept, nodes)
        found = ep_posterior(loglik, nodes, np.zeros(n_concepts), covariance)
        exact = on_the_grid(items, scores, concept, covariance) if n_concepts < 4 and slopes == USUAL else None
        mean, sd, above = exact or by_one_factor(items, scores, concept, rho)
        better, better_sd, p = corrected_marginals(found, loglik, nodes, np.full(n_concepts, CUT))
        rows.append(
            {
                "cell": kind,
                "model": model,
                "concepts": n_concepts,
                "items per concept": per_concept,
                "correlation": rho,
                "slopes": f"{slopes[0]:g} to {slopes[1]:g}",
                "asymptote": "" if model != "3pl" else ".1 to .3" if g is None else f"{g:g}",
                "EP mean, in SDs": np.abs((found.mean - mean) / sd).max(),
                "EP SD, relative": np.abs(found.standard_deviation / sd - 1).max(),
                "mean, in SDs": np.abs((better - mean) / sd).max(),
                "SD, relative": np.abs(better_sd / sd - 1).max(),
                "P(mastery)": np.abs(p - above).max(),
                "typical mean": np.sqrt((((better - mean) / sd) ** 2).mean()),
                "sweeps": found.sweeps,
                "converged": bool(found.converged.all()),
            }
        )
        print(pd.DataFrame(rows[-1:]).round(5).to_string(index=False, header=number == 0), flush=True)
    pd.DataFrame(rows).to_csv(HERE / "profile_posterior.csv", index=False, float_format="%.5f")


if __name__ == "__main__":
    main()
