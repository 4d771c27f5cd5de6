"""How far expectation propagation, and its corrected marginals, are from the exact posterior of a student.

    python studies/profile_posterior.py

Two and three concepts: the sum over the product grid of all concepts. Six concepts: importance sampling with 400,000
draws from a Student t around the EP posterior, whose own error is printed beside. The table is
studies/profile_posterior.csv: largest errors over the students of a cell. Bounds: mean .01 posterior SDs, SD 2 %,
P(mastery) .005; for six concepts within the simulation's error.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import multivariate_normal, multivariate_t

from scoring.irt.curves import ItemParameters, category_probabilities, log_probabilities
from scoring.irt.ep import EPPosterior, concept_loglik, ep_posterior
from scoring.irt.ep_correction import corrected_marginals

HERE = Path(__file__).parent
NODES = np.linspace(-6.0, 6.0, 61)
CUT = 0.43
Array = NDArray[np.float64]
CELLS = [
    (model, n_concepts, per_concept, rho)
    for model in ("2pl", "3pl", "gpcm", "grm")
    for n_concepts, per_concept, rho in ((2, 2, 0.9), (2, 10, 0.7), (3, 4, 0.8), (6, 5, 0.75))
]


def draw_items(model: str, n: int, random: np.random.Generator) -> ItemParameters:
    """n items with slopes .8 to 2."""
    a = random.uniform(0.8, 2.0, n)
    names = tuple(f"i{j}" for j in range(n))
    g = random.uniform(0.1, 0.3, n) if model == "3pl" else np.zeros(n)
    if model == "grm":
        d = a[:, None] * np.array([1.2, 0.1, -1.1]) + random.normal(0, 0.4, (n, 1))
    elif model == "gpcm":
        d = np.cumsum(-a[:, None] * np.array([-0.8, 0.1, 0.9]) + random.normal(0, 0.3, (n, 1)), axis=1)
    else:
        d = random.normal(0, 1, (n, 1))
    return ItemParameters(names, (model,) * n, a, d, g, np.full(n, d.shape[1] + 1))


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


def by_sampling(
    items: ItemParameters, scores: Array, concept: Array, covariance: Array, found: EPPosterior
) -> tuple[Array, Array, Array, float]:
    """The same by importance sampling, and the largest standard error of a mean in posterior SDs."""
    means, sds, above, errors = [], [], [], []
    random = np.random.default_rng(12)
    fine = np.linspace(-12, 12, 4801)
    table = log_probabilities(items, fine)
    for i in range(len(scores)):
        proposal = multivariate_t(found.mean[i], 1.1 * found.covariance[i], df=8)
        theta = proposal.rvs(400_000, random_state=random)
        log_w = multivariate_normal(np.zeros(len(covariance)), covariance).logpdf(theta) - proposal.logpdf(theta)
        for c in range(len(covariance)):
            own = np.flatnonzero(concept == c)
            curve = sum(table[j, scores[i, j]] for j in own)
            log_w += np.interp(theta[:, c], fine, curve)
        w = np.exp(log_w - log_w.max())
        w /= w.sum()
        mean = w @ theta
        sd = np.sqrt(w @ (theta - mean) ** 2)
        means.append(mean)
        sds.append(sd)
        above.append(w @ (theta >= CUT))
        errors.append(np.sqrt(w**2 @ (theta - mean) ** 2) / sd)
    return np.array(means), np.array(sds), np.array(above), float(np.max(errors))


def main() -> None:
    rows = []
    for number, (model, n_concepts, per_concept, rho) in enumerate(CELLS):
        random = np.random.default_rng(number)
        items = draw_items(model, n_concepts * per_concept, random)
        concept = np.repeat(np.arange(n_concepts), per_concept)
        covariance = np.full((n_concepts, n_concepts), rho) + (1 - rho) * np.eye(n_concepts)
        n = {2: 300, 3: 100, 6: 12}[n_concepts]
        scores = draw_scores(items, concept, random.multivariate_normal(np.zeros(n_concepts), covariance, n), random)
        loglik = concept_loglik(items, scores, concept, NODES)
        found = ep_posterior(loglik, NODES, np.zeros(n_concepts), covariance)
        simulation = 0.0
        if n_concepts <= 3:
            mean, sd, above = on_the_grid(items, scores, concept, covariance)
        else:
            mean, sd, above, simulation = by_sampling(items, scores, concept, covariance, found)
        better, better_sd, p = corrected_marginals(found, loglik, NODES, np.full(n_concepts, CUT))
        rows.append(
            {
                "model": model,
                "concepts": n_concepts,
                "items per concept": per_concept,
                "correlation": rho,
                "students": n,
                "EP mean, in SDs": np.abs((found.mean - mean) / sd).max(),
                "EP SD, relative": np.abs(found.standard_deviation / sd - 1).max(),
                "mean, in SDs": np.abs((better - mean) / sd).max(),
                "SD, relative": np.abs(better_sd / sd - 1).max(),
                "P(mastery)": np.abs(p - above).max(),
                "simulation error": simulation,
                "sweeps": found.sweeps,
                "converged": bool(found.converged.all()),
            }
        )
        print(pd.DataFrame(rows[-1:]).round(5).to_string(index=False, header=number == 0), flush=True)
    pd.DataFrame(rows).to_csv(HERE / "profile_posterior.csv", index=False, float_format="%.5f")


if __name__ == "__main__":
    main()
