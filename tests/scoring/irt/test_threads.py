"""Linear algebra runs on one thread wherever it is called from, and is left as it was."""

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import scoring
from scoring import fitting
from scoring.irt.threads import on_one_blas_thread


def pools() -> set[int]:
    return {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}


def test_one_thread_inside_and_as_many_as_before_afterwards() -> None:
    seen = []

    @on_one_blas_thread
    def work(x: int) -> int:
        """Words."""
        seen.append(pools())
        return x + 1

    with threadpool_limits(2, "blas"):
        if pools() != {2}:
            pytest.skip("a BLAS that cannot be told its threads, or one processor")
        assert work(1) == 2
        with pytest.raises(TypeError):
            work("a")  # type: ignore[arg-type]
        assert pools() == {2}
    assert seen == [{1}, {1}]
    assert (work.__name__, work.__doc__) == ("work", "Words.")


def test_a_calibration_from_python_runs_its_newton_steps_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, estimate = [], fitting.estimate

    def watched(*args: object, **kwargs: object) -> object:
        seen.append(pools())
        return estimate(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "estimate", watched)
    answers = pd.DataFrame(np.random.default_rng(1).integers(0, 2, (80, 4)), columns=list("abcd"))
    with threadpool_limits(2, "blas"):
        scoring.calibrate(answers, model="rasch")
    assert seen == [{1}]


@pytest.mark.parametrize(
    "name",
    ["calibrate", "score", "sum_score_table", "reliability", "concept_profile", "plausible_values", "compare", "dif",
     "gap_effect", "item_fit", "model_fit", "person_fit", "dimensionality", "local_dependence", "link", "chain",
     "average", "plan_link", "anchor_jackknife", "dina", "classification", "concept_classification"],
)  # fmt: skip
def test_every_face_with_linear_algebra_does(name: str) -> None:
    inner = getattr(scoring, name).__wrapped__
    assert getattr(scoring, name).__code__.co_filename.endswith("threads.py")
    assert not inner.__code__.co_filename.endswith("threads.py")


def test_a_warning_still_points_to_the_line_that_called() -> None:
    answers = pd.DataFrame(np.random.default_rng(1).integers(0, 2, (80, 4)), columns=list("abcd"))
    fit = scoring.calibrate(answers, model="rasch")
    with pytest.warns(scoring.ScoringWarning) as seen:
        scoring.score(fit, answers.assign(stranger=1))
    assert {w.filename for w in seen} == {__file__}
