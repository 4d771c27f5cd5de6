"""girth as a second opinion on complete, single-group calibrations. docs/girth.md says why it is no more than that."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.data import read_responses
from scoring.fits import Fit
from scoring.fitting import calibrate
from scoring.irt.errors import DesignError

MODELS = {"rasch": "onepl_mml", "1pl": "onepl_mml", "2pl": "twopl_mml", "grm": "grm_mml"}
FEWEST_STUDENTS, FEWEST_ITEMS = 200, 4
MOST_STUDENTS = 50_000  # beyond, a random part: girth's time grows with the students, the check's worth does not


def girth_input(scores: NDArray[np.int8]) -> NDArray[np.int64]:
    """Scores as girth wants them: whole numbers of 64 bits, items × persons, in one piece of memory.

    Narrower integers and transposed views give wrong estimates without a warning.

    Args:
        scores: (N, J), nothing missing.
    """
    return np.ascontiguousarray(scores.T.astype(np.int64))


def second_opinion(responses: pd.DataFrame, fit: Fit, seed: int = 1) -> pd.DataFrame:
    """Estimate items with girth and show the differences from this engine.

    Where the fit is of one population and complete data, its own estimates are compared. Anything else girth gets
    wrong; then both engines estimate the part of the data that girth can: the students of the largest booklet, as one
    population, and the items of the commonest model.

    A Rasch calibration has unit slopes and a free SD, girth's one-parameter model a free slope and unit SD: the same
    curves, compared on girth's scale.

    Args:
        responses: what the fit was made from.
        fit: a calibration.
        seed: of the random part of the students, where there are more than MOST_STUDENTS.

    Returns:
        Columns item, parameter ("a", "b" or "b1", ...), ours, girth, difference, se, in_se (difference in standard
        errors), largest difference first; attributes "students" and "items" say what was compared.

    Raises:
        DesignError: no booklet has enough students and items of a model that girth has.
    """
    model = _model(fit)
    frame = responses[[i for i in fit.item_names if _item_model(fit, i) == model]]
    data = read_responses(frame)
    rows, items = _largest_booklet(data.scores)
    if len(rows) < FEWEST_STUDENTS or len(items) < FEWEST_ITEMS:
        raise DesignError(
            "no-second-opinion",
            f"The largest booklet has {len(rows)} students and {len(items)} items of the model {model}.",
            f"girth can check complete data from {FEWEST_STUDENTS} students and {FEWEST_ITEMS} items.",
        )
    whole = len(rows) == len(frame) and frame.shape[1] == len(fit.item_names) == len(items)
    if len(rows) > MOST_STUDENTS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_STUDENTS, replace=False))
        whole = False
    own = fit
    if not (whole and len(fit.groups) == 1 and _plain(fit)):
        own = calibrate(frame.iloc[rows, items], model)
    scores = data.scores[np.ix_(rows, items)]
    out = _differences(own, *estimate_with_girth(scores, model, own.population.nodes))
    out.attrs.update(students=len(rows), items=len(items))
    return out


def _differences(fit: Fit, a: NDArray[np.float64], b: NDArray[np.float64]) -> pd.DataFrame:
    """One row for each parameter, on the scale of a population with SD 1."""
    sd = float(fit.population.sd[0])
    rows: list[tuple[str, str, float, float, float]] = []
    for j, item in enumerate(fit.item_names):
        line = fit.items.loc[item]
        rows.append((item, "a", float(line["a"]) * sd, a[j], float(line["se_a"]) * sd))
        steps = int(fit.parameters.categories[j]) - 1
        for k in range(steps):
            name = "b" if steps == 1 else f"b{k + 1}"
            rows.append((item, name, float(line[name]) / sd, b[j, k], float(line[f"se_{name}"]) / sd))
    out = pd.DataFrame(rows, columns=["item", "parameter", "ours", "girth", "se"])
    out.insert(4, "difference", out["girth"] - out["ours"])
    out["in_se"] = out["difference"] / out["se"]
    return out.sort_values("difference", key=np.abs, ascending=False, ignore_index=True)


def _largest_booklet(scores: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Students who saw the commonest set of items, and that set."""
    seen = scores >= 0
    patterns, of, n = np.unique(np.packbits(seen, axis=1), axis=0, return_inverse=True, return_counts=True)
    del patterns
    rows = np.flatnonzero(np.asarray(of).ravel() == int(np.argmax(n)))
    items = np.flatnonzero(seen[rows[0]])
    varied = [j for j in items if len(np.unique(scores[rows, j])) == int(scores[:, j].max()) + 1]
    return rows, np.array(varied, dtype=np.int64)


def estimate_with_girth(
    scores: NDArray[np.int8], model: str, nodes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes (J,) and difficulties (J, K - 1) from girth, on a grid as wide as ours.

    Args:
        scores: (N, J), complete, categories 0, 1, ....
        model: "rasch", "1pl", "2pl" or "grm".
        nodes: the grid, for its bounds and number of nodes.
    """
    import girth

    options: dict[str, Any] = {
        "quadrature_bounds": (float(nodes[0]), float(nodes[-1])),
        "quadrature_n": len(nodes),
        "max_iteration": 200,
    }
    data = girth_input(scores)
    if model == "grm":
        data = data + 1  # girth's graded model counts categories from 1
    with np.errstate(all="ignore"):
        found = getattr(girth, MODELS[model])(data, options=options)
    a = np.broadcast_to(np.asarray(found["Discrimination"], dtype=float), (len(data),)).copy()
    b = np.asarray(found["Difficulty"], dtype=float).reshape(len(data), -1)
    return a, b


def _item_model(fit: Fit, item: str) -> str:
    models = fit.items.loc[[item], "model"]
    return str(models.iloc[0])


def _model(fit: Fit) -> str:
    """The commonest of the models that girth has."""
    counts = fit.items["model"][fit.items["model"].isin(MODELS)].value_counts()
    if counts.empty:
        found = ", ".join(sorted(set(fit.items["model"])))
        raise DesignError(
            "no-second-opinion",
            f"girth has no {found} that works with current versions of numpy and scipy.",
            f"It can check {', '.join(MODELS)}.",
        )
    return str(counts.index[0])


def _plain(fit: Fit) -> bool:
    """Whether the fit is of what girth can estimate: no weights, priors, histograms, anchors."""
    settings = fit.settings
    special = settings.get("weights") or settings.get("priors") or settings.get("population") == "histogram"
    free = (
        fit.items["se_d"].notna() if "d1" not in fit.items else fit.items["se_d1"].notna() | fit.items["se_d"].notna()
    )
    return not special and bool(free.all())
