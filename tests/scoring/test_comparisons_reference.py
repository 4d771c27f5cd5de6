"""A published assessment with schools and booklets: grade 4, Austria, compared by sex."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scoring
from tests import command_line


@pytest.mark.reference
def test_sex_gap_of_a_booklet_design_and_its_jackknife_against_refits(reference_data: Path) -> None:
    """158 schools, 14 booklets, weights: replicates of the gap against complete refits without five of the schools.

    The linearised replicate has to follow the refit within 5 % of the gap's SE. The gap agrees with the latent
    regression's own estimate within the noise of 20 draws, and with the published
    direction (boys ahead in Austria's grade 4, 2011).
    """
    data = pd.read_csv(reference_data / "timss11_G4_AUT" / "data.csv.gz")
    items = [c for c in data.columns if c.startswith(("M03", "M04", "M05"))]
    responses = data[items].dropna(axis=1, how="all")
    fit = scoring.calibrate(responses)
    persons = pd.DataFrame(
        {"district": "Austria", "school": data["IDSCHOOL"], "sex": data["female"].map({0: "boy", 1: "girl"})}
    )
    pv = scoring.plausible_values(fit, responses, persons, ["sex"], seed=1)
    row = scoring.compare(pv, by="sex").iloc[0]
    assert (row["group"], row["versus"]) == ("boy", "girl")
    in_schools = persons.groupby("sex")["school"].nunique()
    assert (row["schools_1"], row["schools_2"]) == (in_schools["boy"], in_schools["girl"])
    assert 0 < row["estimate"] < 0.4
    assert row["df"] == pv.regression.design.school_size.size - 1
    assert abs(row["estimate"] - row["regression_estimate"]) < 4 * row["se_imputation"]
    weighted = scoring.compare(pv, by="sex", weights=data["TOTWGT"]).iloc[0]
    assert abs(weighted["estimate"] - row["estimate"]) < 2 * row["se"]

    design, shifts = pv.regression.design, pv.shifts
    boy = (persons["sex"] == "boy").to_numpy()

    def gap(mean: np.ndarray, who: np.ndarray) -> float:
        return float(mean[who].mean() - mean[~who].mean())

    inside = boy[design.order]
    for s in range(0, 150, 30):
        stay = design.school != s
        keep = np.sort(design.order[stay])
        again = scoring.plausible_values(fit, responses.iloc[keep], persons.iloc[keep], ["sex"], draws=2)
        refit = gap(again.regression.mean[:, 0], boy[keep][again.regression.design.order])
        eta = design.x @ shifts.gamma[s].reshape(1, -1).T
        moved = pv.regression.mean[:, 0] + pv.regression.sums.pull[:, 0, 0] * (
            eta[design.pattern, 0] + (shifts.follow[:, 0] @ shifts.gamma[s])[design.school]
        )
        assert abs(gap(moved[stay], inside[stay]) - refit) < 0.05 * row["se"]


@pytest.mark.reference
def test_the_commands_compare_by_sex_and_their_jackknife_is_the_direct_one(
    reference_data: Path, tmp_path: Path
) -> None:
    """The first 20 schools, all booklets, weighted, by `itembank analyze --weight --by`.

    Direct: leave each school out, fit the latent regression and draw plausible values again, compare again, and take
    the jackknife's variance of the results. Items are held in both. The command's replicates follow to first order and
    keep the variance between schools; over these schools that is within 5 % of the SE.
    """
    data = pd.read_csv(reference_data / "timss11_G4_AUT" / "data.csv.gz")
    data = data[data["IDSCHOOL"].isin(sorted(data["IDSCHOOL"].unique())[:20])]
    items = [c for c in data.columns if c.startswith(("M03", "M04", "M05")) and data[c].nunique() > 1]
    sex = data["female"].map({0: "boy", 1: "girl"})
    told = {"student": data["IDSTUD"], "school": data["IDSCHOOL"], "weight": data["TOTWGT"], "sex": sex}
    table = pd.concat([pd.DataFrame(told), data[items].astype("Int64")], axis=1)
    table.to_csv(tmp_path / "r.csv", index=False)
    words = "analyze r.csv --id student --cluster school --weight weight --by sex -o out"
    ran = command_line.run(words.split(), tmp_path)
    assert ran.returncode == 0, ran.stderr
    rows = pd.read_csv(tmp_path / "out" / "tables" / "subgroups.csv")
    told_row = rows[(rows["measure"] == "mean") & (rows["contrast"] == "boy - girl")].iloc[0]

    parameters = pd.read_csv(tmp_path / "out" / "tables" / "parameters.csv", index_col="item")
    persons = pd.DataFrame({"district": "all", "school": data["IDSCHOOL"].astype(str), "sex": sex})
    persons.index = responses_index = pd.Index(data["IDSTUD"].astype(str), name="student")
    responses = data[list(parameters.index)].set_axis(responses_index)
    weights = (data["TOTWGT"] / data["TOTWGT"].mean()).set_axis(responses_index)

    def gap(stay: "pd.Series[bool]") -> tuple[float, float]:
        pv = scoring.plausible_values(
            parameters, responses[stay], persons[stay], ["sex"], seed=1, weights=weights[stay]
        )
        row = scoring.compare(pv, by="sex").iloc[0]
        return float(row["estimate"]), float(row["regression_estimate"])

    everybody = gap(persons["school"] != "")
    assert everybody[0] == pytest.approx(told_row["estimate"], abs=1e-4)  # parameters were written with six digits
    without = np.array([gap(persons["school"] != s) for s in persons["school"].unique()])
    assert len(without) == told_row["df"] + 1  # no school here is small enough to be pooled
    direct = np.sqrt((len(without) - 1) / len(without) * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    assert told_row["se"] == pytest.approx(direct[1], rel=0.05)  # the latent regression's own, free of draws
    assert told_row["se"] == pytest.approx(direct[0], rel=0.1)  # with the noise of 20 draws in both
