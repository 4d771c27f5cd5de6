"""What a call of calibrate means: models, fixed values, shared items, priors, populations, as arrays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring import checks
from scoring.data import Responses
from scoring.irt.curves import FAMILY, ItemParameters
from scoring.irt.design import Notice
from scoring.irt.errors import DesignError
from scoring.irt.parameters import Layout, Origin, make_layout, slot_exists
from scoring.irt.priors import KINDS, Prior

Index = NDArray[np.int64]
DEFAULT_OPTIONS = 4
ALIASES = {"graded": "grm", "partial credit": "pcm"}
DICHOTOMOUS = {"pcm": "rasch", "gpcm": "2pl", "grm": "2pl"}
POLYTOMOUS = {"rasch": "pcm", "1pl": "pcm", "2pl": "gpcm", "3pl": "gpcm"}


@dataclass(frozen=True)
class Groups:
    """Groups and partners of the students.

    Attributes:
        names: (G,) sorted.
        of: (N,) index of each student's group.
        partner_names: (P,) sorted.
        partner_of: (G,) partner of each group.
        share: (G,) weight in the pooled population.
    """

    names: tuple[str, ...]
    of: Index
    partner_names: tuple[str, ...]
    partner_of: Index
    share: NDArray[np.float64]


def aligned(values: Any, responses: Responses | pd.Index, what: str) -> NDArray[Any]:
    """A Series (or array) with a value for each row (of the responses, or of an index), none missing.

    Raises:
        DesignError: another index or length, or missing values.
    """
    persons = responses if isinstance(responses, pd.Index) else responses.persons
    if isinstance(values, pd.Series):
        if not values.index.equals(persons):
            if values.index.has_duplicates or not persons.isin(values.index).all():
                raise DesignError("not-aligned", f"{what} is not aligned to the rows of the responses.",
                                  "Give a Series with the same index.")  # fmt: skip
            values = values.reindex(persons)
        out = values.to_numpy()
    else:
        out = np.asarray(values)
        if out.ndim != 1:
            found = f"{what}= is {checks.kind(values)}, not one value for each row."
            raise DesignError("not-aligned", found, f"Give the column itself: {what}=table['...'].")
    if out.shape != (len(persons),):
        raise DesignError("not-aligned", f"{what} has {len(out)} values for {len(persons)} rows.",
                          "Give one value for each row.")  # fmt: skip
    missing = int(pd.isna(out).sum())
    if missing:
        raise DesignError(
            "missing-values", f"{what} is empty in {missing} rows.", "Fill them in or leave those rows out."
        )
    return out


def read_groups(responses: Responses, groups: Any, partner: Any, weights: NDArray[np.float64]) -> Groups:
    """Groups sorted by name; partners weigh equally, a partner's groups by their numbers of students."""
    n = len(responses.persons)
    if groups is None:
        groups = partner
    text = np.full(n, "all", dtype=object) if groups is None else aligned(groups, responses, "groups").astype(str)
    codes, names = pd.factorize(text, sort=True)
    of = codes.astype(np.int64)
    if partner is None:
        partner_text = np.asarray(names, dtype=object)
    else:
        values = aligned(partner, responses, "partner").astype(str)
        partner_text = np.empty(len(names), dtype=object)
        for g in range(len(names)):
            inside = np.unique(values[of == g])
            if len(inside) > 1:
                raise DesignError("group-across-partners", f"Group {names[g]} holds students of several partners.",
                                  "Make groups within partners, district and grade together.", inside)  # fmt: skip
            partner_text[g] = inside[0]
    partner_codes, partner_names = pd.factorize(partner_text, sort=True)
    answered = (responses.scores >= 0).any(axis=1)
    size = np.bincount(of[answered], weights[answered], minlength=len(names))
    within = np.bincount(partner_codes, size, minlength=len(partner_names))
    share = size / np.maximum(within[partner_codes], 1e-300) / len(partner_names)
    return Groups(
        tuple(map(str, names)), of, tuple(map(str, partner_names)), partner_codes.astype(np.int64), share
    )  # fmt: skip


def read_fixed(fixed: Any) -> pd.DataFrame | None:
    """Fixed values as a table indexed by item: a fit's, or one with columns a, d or b (d1.. or b1..), g, model."""
    if fixed is None:
        return None
    table = fixed if isinstance(fixed, pd.DataFrame) else getattr(fixed, "items", None)
    if not isinstance(table, pd.DataFrame):
        raise DesignError("unknown-fixed", "fixed= is neither a fit nor a table of items.",
                          "Give fit.items, or a DataFrame indexed by item.")  # fmt: skip
    table = table.copy()
    table.index = table.index.map(str)
    if table.index.has_duplicates:
        twice = sorted(set(table.index[table.index.duplicated()]))
        raise DesignError("duplicate-item", "fixed= names an item twice.", "Keep one row for each item.", twice)
    return table


def model_of(item: str, model: Any, highest: int, fixed: pd.DataFrame | None, changed: list[str]) -> str:
    """The model of an item with scores 0..highest."""
    name = model.get(item, "2pl") if isinstance(model, Mapping) else model
    if fixed is not None and item in fixed.index and isinstance(fixed.get("model"), pd.Series):
        name = str(fixed.at[item, "model"])
    name = ALIASES.get(str(name).lower(), str(name).lower())
    if name not in FAMILY:
        raise DesignError("unknown-model", f"{name} is not a model.", f"Use one of {', '.join(FAMILY)}.", [item])
    if highest <= 1:
        return DICHOTOMOUS.get(name, name)
    if name in POLYTOMOUS:
        if name in ("2pl", "3pl"):
            changed.append(item)
        return name if name == "1pl" else POLYTOMOUS[name]
    return name


@dataclass(frozen=True)
class Setup:
    """A calibration ready to run.

    Attributes:
        names: (V,) item of each column; an item with parameters of its own in some groups has several.
        labels: (V,) "all", or which groups a column belongs to.
        models: (V,) as the analyst called them.
        codes: (N, V) int8.
        layout: parameters.
        prior: priors.
        sets: item -> label -> groups, for items with several columns.
        priors: what was used, in words.
        notices: so far.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    models: tuple[str, ...]
    codes: NDArray[np.int8]
    layout: Layout
    prior: Prior
    sets: dict[str, dict[str, list[str]]]
    priors: list[str]
    notices: list[Notice]


def separate_sets(separate: Any, items: Iterable[str], groups: Groups) -> dict[str, dict[str, list[str]]]:
    """Item -> label -> groups that share one set of its parameters.

    `separate` is a collection of items (one set for each partner) or a mapping from item to lists of groups; groups
    that no list names share one set among them.
    """
    if separate is None:
        return {}
    known = set(items)
    out: dict[str, dict[str, list[str]]] = {}
    wanted = separate if isinstance(separate, Mapping) else {str(i): None for i in separate}
    unknown = sorted(str(i) for i in wanted if str(i) not in known)
    if unknown:
        raise DesignError("unknown-item", "separate= names items that are not in the responses.", "", unknown)
    for item, lists in wanted.items():
        if lists is None:
            sets = [
                [groups.names[g] for g in np.flatnonzero(groups.partner_of == p)]
                for p in range(len(groups.partner_names))
            ]
            labels = list(groups.partner_names)
        else:
            sets = [[str(g) for g in ([part] if isinstance(part, str) else part)] for part in lists]
            named = [g for part in sets for g in part]
            wrong = sorted(set(named) - set(groups.names)) or sorted({g for g in named if named.count(g) > 1})
            if wrong:
                raise DesignError("unknown-group", f"separate= of item {item} names groups wrongly.",
                                  f"The groups are {', '.join(groups.names)}; name each once.", wrong)  # fmt: skip
            rest = [g for g in groups.names if g not in named]
            sets = sets + [rest] if rest else sets
            labels = [", ".join(part) for part in sets]
        if len(sets) > 1:
            out[str(item)] = dict(zip(labels, sets, strict=True))
    return out


def prepare(
    responses: Responses, groups: Groups, model: Any, fixed: Any, separate: Any, priors: Any, origin: str
) -> Setup:
    """Models, columns, fixed values, priors and origin as arrays.

    Raises:
        DesignError: something cannot be understood, naming it.
    """
    notices: list[Notice] = []
    table = read_fixed(fixed)
    if isinstance(model, Mapping):
        unknown = sorted(str(i) for i in model if str(i) not in responses.items)
        if unknown:
            raise DesignError("unknown-item", "model= names items that are not in the responses.", "", unknown)
        model = {str(i): m for i, m in model.items()}
        others = tuple(i for i in responses.items if i not in model)
        if others and model:
            notices.append(Notice("model-by-default", "notice", "Items that model= does not name follow the 2PL.",
                                  "Name each item's model.", others))  # fmt: skip
    sets = separate_sets(separate, responses.items, groups)
    names, labels, models, highest, columns = [], [], [], [], []
    changed: list[str] = []
    for j, item in enumerate(responses.items):
        top = max(1, int(responses.scores[:, j].max(initial=0)), _fixed_categories(table, item) - 1)
        kind = model_of(item, model, top, table, changed)
        for label, members in sets.get(item, {"all": list(groups.names)}).items():
            column = responses.scores[:, j].copy()
            if label != "all" or item in sets:
                inside = np.isin(groups.of, [groups.names.index(g) for g in members])
                column[~inside] = -1
            names.append(item)
            labels.append(label)
            models.append(kind)
            highest.append(top)
            columns.append(column)
    if changed:
        told = "Items with more than two scores follow the generalised partial credit model (GPCM):"
        notices.append(Notice("polytomous", "notice", told, "", tuple(changed)))
    codes = responses.scores if not sets else np.stack(columns, axis=1)
    categories = np.array(highest, dtype=np.int64) + 1
    width = int(categories.max()) - 1
    used = tuple("pcm" if m == "1pl" and c > 2 else m for m, c in zip(models, categories, strict=True))
    template = ItemParameters(
        tuple(n if label == "all" else f"{n}[{label}]" for n, label in zip(names, labels, strict=True)),
        used,
        np.ones(len(names)),
        np.where(np.arange(1, width + 1) < categories[:, None], 0.0, np.nan),
        np.zeros(len(names)),
        categories,
    )
    words: list[str] = []
    options = dict(priors or {})
    guess = _options(options, names)
    three = np.array([m == "3pl" for m in models])
    template.g[three] = 1 / guess[three]
    held = _hold(template, names, models, table, notices)
    common = np.array([m == "1pl" for m in models])
    scale = _origin(origin, groups, template, held, common)
    layout = make_layout(template, held, common, len(groups.names), scale)
    prior = _priors(options, names, three, guess, layout, words, "options" not in options, notices)
    return Setup(
        tuple(names), tuple(labels), tuple(models), codes, layout, prior, sets, words, notices
    )  # fmt: skip


def _fixed_categories(table: pd.DataFrame | None, item: str) -> int:
    if table is None or item not in table.index:
        return 2
    steps = [c for c in table.columns if str(c)[0] in "db" and str(c)[1:].isdigit() and pd.notna(table.at[item, c])]
    return 1 + max([1, *(int(str(c)[1:]) for c in steps)])


def _hold(
    template: ItemParameters, names: list[str], models: list[str], table: pd.DataFrame | None, notices: list[Notice]
) -> NDArray[np.bool_]:
    """Put fixed values into the template; which slots are held."""
    held = np.zeros_like(slot_exists(template))
    for j, kind in enumerate(models):
        held[j, 0] = kind in ("rasch", "pcm")
    if table is None:
        return held
    unused = sorted(set(table.index) - set(names))
    if unused:
        notices.append(Notice("anchor-not-used", "notice", "Some fixed items are not among the responses.", "",
                              tuple(unused)))  # fmt: skip
    for j, item in enumerate(names):
        if item not in table.index:
            continue
        row = table.loc[item]
        a = _value(row, "a")
        if a is not None:
            template.a[j], held[j, 0] = a, True
        steps = int(template.categories[j]) - 1
        d = [_value(row, f"d{k}") if steps > 1 else _value(row, "d", "d1") for k in range(1, steps + 1)]
        b = [_value(row, f"b{k}") if steps > 1 else _value(row, "b", "b1") for k in range(1, steps + 1)]
        d_given: list[float | None] = d
        if None in d and None not in b:
            if a is None:
                raise DesignError("fixed-without-slope", f"Item {item} has fixed b without a.", "Fix a as well, or d.")
            one = [-a * float(x) for x in b if x is not None]
            d_given = [float(x) for x in (np.cumsum(one) if template.model[j] in ("gpcm", "pcm") else one)]
        for k, value in enumerate(d_given):
            if value is not None:
                template.d[j, k], held[j, 1 + k] = value, True
        g = _value(row, "g")
        if kind_has_g(models[j]) and g is not None:
            if not 0 < g < 1:
                raise DesignError("impossible-asymptote", f"Item {item} has g = {g}.", "Give a g between 0 and 1.")
            template.g[j], held[j, -1] = g, True
    return held


def kind_has_g(kind: str) -> bool:
    return kind == "3pl"


def _value(row: "pd.Series[Any]", *columns: str) -> float | None:
    for c in columns:
        if c in row.index and pd.notna(row[c]):
            return float(row[c])
    return None


def _origin(
    origin: str, groups: Groups, template: ItemParameters, held: NDArray[np.bool_], common: NDArray[np.bool_]
) -> Origin:
    location = not (held[:, 1 : 1 + template.d.shape[1]].any())
    unit = not held[:, 0].any()
    del common
    if origin == "pooled":
        return Origin(groups.share, location, unit)
    if origin not in groups.names:
        raise DesignError("unknown-group", f"origin= names {origin}, which is not a group.",
                          f"Use 'pooled' or one of {', '.join(groups.names)}.")  # fmt: skip
    share = np.zeros(len(groups.names))
    share[groups.names.index(origin)] = 1.0
    return Origin(share, location, unit)


def _options(priors: dict[str, Any], names: list[str]) -> NDArray[np.float64]:
    """(V,) number of options of each item."""
    options = priors.get("options", DEFAULT_OPTIONS)
    values = [options.get(n, DEFAULT_OPTIONS) if isinstance(options, Mapping) else options for n in names]
    out = np.array(values, dtype=float)
    if not (out >= 2).all():
        raise DesignError("impossible-options", "An item has fewer than 2 options.", "Give the number of options.")
    return out


def _priors(
    priors: dict[str, Any], names: list[str], three: NDArray[np.bool_], guess: NDArray[np.float64], layout: Layout,
    words: list[str], assumed: bool, notices: list[Notice],
) -> Prior:  # fmt: skip
    """Priors for all items ("a", "d", "g") and for single ones ("items": {item: {...}})."""
    own = {str(k): v for k, v in dict(priors.get("items", {})).items()}
    unknown = sorted(set(priors) - {"a", "d", "g", "options", "items"}) + sorted(set(own) - set(names))
    if unknown:
        raise DesignError("unknown-prior", "priors= holds names that mean nothing.",
                          "Use a, d, g, options, and items: {item: {a, d, g}}.", unknown)  # fmt: skip
    at: list[int] = []
    kind: list[int] = []
    first: list[float] = []
    second: list[float] = []
    default = 0
    for j, item in enumerate(names):
        for parameter in "adg":
            spec = own.get(item, {}).get(parameter, priors.get(parameter))
            if parameter == "g":
                if not three[j]:
                    continue
                if spec is None:
                    spec = ("normal", float(np.log(1 / (guess[j] - 1))), 0.5)
                    default += 1
            if spec is None or spec == "none":
                continue
            name, m, s = _checked(spec, parameter, item)
            width = layout.template.d.shape[1]
            slot = {"a": slice(0, 1), "d": slice(1, 1 + width), "g": slice(-1, None)}[parameter]
            for c in layout.coordinate[j, slot]:
                if c >= 0 and not (parameter == "a" and int(c) in at):  # a slope that items share has one prior
                    at.append(int(c))
                    kind.append(KINDS.index(name))
                    first.append(m)
                    second.append(s)
            text = f"{name}({m:g}, {s:g}) on {'logit g' if parameter == 'g' and name == 'normal' else parameter}"
            if text not in words:
                words.append(text)
    if default and assumed:
        notices.append(
            Notice("default-prior", "notice",
                   f"g has its default prior for {DEFAULT_OPTIONS} options: normal on logit g, mean logit(1/"
                   f"{DEFAULT_OPTIONS}), SD 0.5.", "Give priors={'options': {item: number}}.")
        )  # fmt: skip
    return Prior(np.array(at, dtype=np.int64), np.array(kind, dtype=np.int64), np.array(first), np.array(second))


def _checked(spec: Any, parameter: str, item: str) -> tuple[str, float, float]:
    try:
        name, m, s = str(spec[0]), float(spec[1]), float(spec[2])
    except (TypeError, ValueError, IndexError):
        name, m, s = "?", 0.0, 0.0
    allowed = {"a": ("normal", "lognormal"), "d": ("normal",), "g": ("normal", "beta")}[parameter]
    if name not in allowed or s <= 0 or (name == "beta" and m <= 0):
        raise DesignError("unknown-prior", f"The prior of {parameter} of item {item} cannot be used.",
                          f"Give (kind, mean, SD) with kind {' or '.join(allowed)}; the SD is positive.")  # fmt: skip
    return name, m, s
