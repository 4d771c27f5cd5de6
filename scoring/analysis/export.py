"""The tables of an analysis as CSV files with a data dictionary, for R, a spreadsheet or another program."""

from pathlib import Path

import pandas as pd

from itembank.terminal import neutralised
from scoring.analysis.result import Analysis

STUDENT_LEVEL = "student-level"
WARNING = "# Student-level data: internal use only; not to be published or sent on without the districts' agreement."

#: file -> (what a row is, {column: meaning}). Columns that depend on the data are described by a pattern.
DICTIONARY: dict[str, tuple[str, dict[str, str]]] = {
    "items.csv": (
        "one row per item",
        {
            "item": "name of the item",
            "title": "title, where known",
            "concept": "primary concept; empty when none was named",
            "model": "response model: 2pl (right or wrong) or gpcm (several points)",
            "n": "students with a response that counts",
            "points": "highest score",
            "share_correct": "mean score divided by the points",
            "share_correct: GROUP": "the same within a group; empty where the group did not see the item",
            "item_rest": "correlation of the item with the rest of the test",
            "a": "slope (discrimination) per unit of the pooled scale",
            "se_a": "standard error of a",
            "b": "difficulty on the pooled scale (mean of the steps for several points)",
            "se_b": "standard error of b",
            "flags": "reasons to look at the item, in words",
        },
    ),
    "parameters.csv": (
        "one row per item; as estimated, slope-intercept and difficulty form",
        {
            "item": "name of the item",
            "...": "model, n, a, b, d, g, d1.., b1.. and their standard errors se_...: see docs/methods/estimation.md",
        },
    ),
    "groups.csv": (
        "one row per concept (or the total) and group",
        {
            "concept": "concept",
            "group": "group",
            "mean": "estimated mean of the group's population, pooled mean 0 and spread 1",
            "sd": "estimated spread of the group's population",
            "se": "standard error of the mean",
            "low": "lower end of the 95 % interval",
            "high": "upper end of the 95 % interval",
        },
    ),
    "concepts.csv": (
        "one row per concept",
        {
            "concept": "concept",
            "name": "name",
            "items": "scored items with this primary concept",
            "points": "points of these items",
            "cut": "cut on the concept's scale",
            "cut_kind": "set (by a joint decision, on a full panel's word) or provisional",
            "cut_se": "standard error of the cut from raters and items together, where it rests on ratings",
            "cut_basis": "what the cut rests on, in words",
            "evidence": "enough, or not enough evidence",
            "accuracy": "PRMSE of the concept's own items: share of the true variance they recover",
            "advice": "what would be enough",
        },
    ),
    "mastery.csv": (
        "one row per concept and group",
        {
            "concept": "concept",
            "group": "group",
            "n": "students",
            "schools": "schools (clusters); 0 when none were named",
            "rate": "share of the group's students who have reached the cut",
            "se": "standard error of the rate",
            "low": "lower end of the 95 % interval",
            "high": "upper end of the 95 % interval",
            "shown": "False: hidden, for the reason given",
            "reason": "why it is hidden",
            "rate_lower_cut": "the rate if the cut stood 1 standard error lower",
            "rate_higher_cut": "the rate if the cut stood 1 standard error higher",
        },
    ),
    "differences.csv": (
        "one row per concept and pair of groups",
        {
            "concept": "concept",
            "group": "first group",
            "other": "second group",
            "difference": "rate of the first minus rate of the second",
            "se": "standard error of the difference",
            "low": "lower end of the 95 % interval",
            "high": "upper end of the 95 % interval",
            "df": "degrees of freedom",
            "p_value": "two-sided p value",
            "p_adjusted": "p value after Benjamini-Hochberg within this table",
            "verdict": "ahead, behind, cannot say, not enough evidence (of the first group)",
            "reason": "why nothing can be said",
            "difference_lower_cut": "the difference if the cut stood 1 standard error lower",
            "difference_higher_cut": "the difference if the cut stood 1 standard error higher",
        },
    ),
    "mean-differences.csv": (
        "one row per concept (or the total) and pair of groups",
        {
            "concept": "concept, or the score over all items",
            "group": "first group",
            "other": "second group",
            "difference": "mean of the first minus mean of the second, in pooled standard deviations",
            "se": "standard error of the difference",
            "low": "lower end of the 95 % interval",
            "high": "upper end of the 95 % interval",
            "p_value": "two-sided p value",
            "p_adjusted": "p value after Benjamini-Hochberg within its table",
            "effect": "difference in standard deviations within the groups",
            "status": "why a number is left out",
        },
    ),
    "dif.csv": (
        "one row per item: does it work differently at equal ability?",
        {
            "item": "name of the item",
            "title": "title",
            "concept": "concept it was matched on",
            "effect": "expected-score difference at equal ability on the concept (first group minus second)",
            "low": "lower end of the 95 % interval",
            "high": "upper end of the 95 % interval",
            "p_adjusted": "p value after Benjamini-Hochberg within this table",
            "ets_class": "A, B or C, matched on the item's own concept",
            "ets_class_total": "the same matched on the total score",
            "favours": "group that the item favours",
            "words": "the same in a sentence",
        },
    ),
    "misconceptions.csv": (
        "one row per misconception, concept and group",
        {
            "misconception": "id of the misconception",
            "name": "name",
            "concept": "concept of the items",
            "group": "group",
            "chosen": "answers that show it",
            "n": "answers in which it could have been shown",
            "share": "chosen / n",
            "low": "lower end of the 95 % interval",
            "high": "upper end of the 95 % interval",
        },
    ),
    "options.csv": (
        "one row per item, option and group",
        {
            "item": "name of the item",
            "option": "answer as given",
            "is_key": "whether it is right",
            "misconception": "misconception it comes from",
            "group": "group; 'all' for everybody",
            "n": "students who answered the item",
            "share": "share of them who chose the option",
        },
    ),
    f"{STUDENT_LEVEL}-scores.csv": (
        "one row per student; the first line says that these are student-level data",
        {
            "student": "identifier as in the data, or the row",
            "theta": "EAP score under the pooled population: equal answers give equal scores",
            "se": "its standard error",
            "status": "scored, or why not",
        },
    ),
    f"{STUDENT_LEVEL}-concepts.csv": (
        "one row per student and concept; the first line says that these are student-level data",
        {
            "student": "identifier as in the data, or the row",
            "concept": "concept",
            "theta": "posterior mean on the concept's scale, under the pooled population",
            "se": "posterior standard deviation",
            "p_mastery": "probability of having reached the cut",
            "status": "mastered (from .80), not yet (to .20), undecided, or why there is no result",
        },
    ),
    "subgroups.csv": (
        "one row per attribute of students or schools, concept, contrast and measure",
        {
            "by": "attribute that is compared",
            "concept": "concept, or the score over all items",
            "name": "name of the concept",
            "contrast": "what is set against what",
            "kind": "gap, or gap in gaps",
            "within": "the group both sides lie in; empty for none",
            "group": "first side",
            "versus": "second side",
            "adjusted": "attributes whose mix was made equal; empty: unadjusted",
            "measure": "mean (pooled standard deviations), mastery (share), mastery at the cut 1 standard error away",
            "estimate": "first side minus second",
            "se": "standard error",
            "se_schools": "of the sampling of schools, measurement included",
            "se_measurement": "of measurement: in mode schools a share of se_schools, not to be added",
            "se_imputation": "the part of se_measurement that more draws would remove",
            "se_linking": "of the link between scales; 0 within one calibration",
            "measurement_share": "share of the variance that is measurement",
            "df": "degrees of freedom",
            "low": "lower end of the 95 % interval",
            "high": "upper end of the 95 % interval",
            "p_value": "two-sided p value",
            "p_adjusted": "p value after Benjamini-Hochberg within the attribute",
            "effect": "difference in standard deviations within groups, or Cohen's h for shares",
            "effect_low": "lower end of its 95 % interval",
            "effect_high": "upper end of its 95 % interval",
            "value_1": "estimate of the first side",
            "value_2": "estimate of the second side",
            "students_1": "students of the first side",
            "students_2": "students of the second side",
            "schools_1": "schools of the first side",
            "schools_2": "schools of the second side",
            "regression_estimate": "the same from the latent regression itself",
            "mode": "schools: over schools like these; students: these students",
            "status": "why a number is left out",
            "note": "what must be said beside the numbers",
            "stamp": "not comparable, and why; empty where nothing is against it",
        },
    ),
    "levels.csv": (
        "one row per attribute, group, concept and measure",
        {
            "concept": "concept, or the score over all items",
            "by": "attributes",
            "group": "group",
            "measure": "mean (pooled standard deviations) or mastery (share)",
            "estimate": "estimate",
            "se": "standard error",
            "df": "degrees of freedom",
            "low": "lower end of the 95 % interval",
            "high": "upper end of the 95 % interval",
            "students": "students",
            "schools": "schools",
            "mode": "schools: over schools like these; students: these students",
            "status": "why a number is left out",
            "name": "name of the concept",
        },
    ),
    "gate.csv": (
        "one row per condition of a fair comparison",
        {"check": "condition", "state": "passed, failed or not recorded", "detail": "in words"},
    ),
    "truth.csv": (
        "one row per planted value (simulated students only)",
        {
            "what": "what was planted",
            "truth": "true value",
            "estimate": "what was found",
            "inside": "whether the interval contains the truth",
        },
    ),
}


def write_tables(analysis: Analysis, parameters: pd.DataFrame, folder: Path) -> list[Path]:
    """Write every table that has rows, and `data-dictionary.csv`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "items.csv": analysis.items.reset_index(names="item"),
        "parameters.csv": parameters.reset_index(names="item"),
        "groups.csv": analysis.means,
        "concepts.csv": analysis.concepts.reset_index(names="concept"),
        "mastery.csv": analysis.mastery,
        "differences.csv": analysis.contrasts,
        "mean-differences.csv": analysis.mean_contrasts,
        "dif.csv": analysis.dif.reset_index(names="item"),
        "misconceptions.csv": analysis.misconceptions,
        "options.csv": analysis.options,
        f"{STUDENT_LEVEL}-scores.csv": analysis.scores.reset_index(names="student"),
        f"{STUDENT_LEVEL}-concepts.csv": _long_profile(analysis.profile_scores),
        "subgroups.csv": analysis.subgroups,
        "levels.csv": analysis.levels,
        "gate.csv": analysis.gate,
        "truth.csv": analysis.truth,
    }
    written = []
    lines = []
    for name, table in tables.items():
        if not len(table):
            continue
        path = folder / name
        text = table.map(lambda v: neutralised(v) if isinstance(v, str) else v).to_csv(index=False, float_format="%.6g")
        head = WARNING + "\n" if name.startswith(STUDENT_LEVEL) else ""
        path.write_text(head + text, encoding="utf-8")
        written.append(path)
        row, columns = DICTIONARY[name]
        lines += [(name, row, column, meaning) for column, meaning in columns.items()]
    path = folder / "data-dictionary.csv"
    pd.DataFrame(lines, columns=["file", "row", "column", "meaning"]).to_csv(path, index=False)
    return [*written, path]


def _long_profile(scores: pd.DataFrame) -> pd.DataFrame:
    """Concept scores with one row per student and concept."""
    if not len(scores):
        return pd.DataFrame()
    long = scores.stack(level=0, future_stack=True)
    long.index = long.index.set_names(["student", "concept"])
    return long.reset_index()[["student", "concept", "theta", "se", "p_mastery", "status"]]
