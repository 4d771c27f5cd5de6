"""Item statistics as QTI usage data, which item banks of others can take in beside the items.

The bank knows no statistics of its own: whoever has them hands them over (`scoring.runs.usage`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from itembank.exchange.qti_write import element, serialised

USAGE = "http://www.imsglobal.org/xsd/imsqti_usagedata_v3p0"
SCHEMA = "https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_usagedatav3p0_v1p0.xsd"


@dataclass(frozen=True)
class Statistic:
    """One number, or one number per category, about an item.

    Attributes:
        item: its id, as items are called in packages; part: of one of its options, its letter.
        name: P-value, AIS, PTbis, A-Parm, B-Parm, C-Parm, D-Parm ...; letters, digits and dashes.
        value: the number; steps: category -> number, where there is one for each.
        n: students it rests on; error: its standard error; sd: standard deviation; NaN where there is none.
    """

    item: str
    name: str
    value: float = math.nan
    n: int = 0
    error: float = math.nan
    sd: float = math.nan
    part: str = ""
    steps: Mapping[str, float] = field(default_factory=dict)


def document(statistics: Sequence[Statistic], context: str, updated: str = "") -> bytes:
    """Usage data of QTI 3.0; numbers that are not finite are left out.

    Args:
        statistics: in the order in which they shall stand.
        context: URI that says for which students and scale they hold.
        updated: day of the analysis, 2026-05-04.
    """
    made = []
    for one in statistics:
        steps = {k: v for k, v in one.steps.items() if math.isfinite(v)}
        if not steps and not math.isfinite(one.value):
            continue
        attributes = {"name": one.name, "context": context}
        if one.n:
            attributes["caseCount"] = str(one.n)
        for key, number in (("stdError", one.error), ("stdDeviation", one.sd)):
            if math.isfinite(number):
                attributes[key] = f"{number:.6g}"
        if updated:
            attributes["lastUpdated"] = updated
        aim = {"identifier": one.item, "objectType": "choice" if one.part else "item"}
        if one.part:
            aim["partIdentifier"] = one.part
        target = element("targetObject", aim)
        if steps:
            entries = [element("mapEntry", {"mapKey": k, "mappedValue": f"{v:.6g}"}) for k, v in steps.items()]
            made.append(element("categorizedStatistic", attributes, target, element("mapping", {}, *entries)))
        else:
            value = element("value", {"baseType": "float"}, f"{one.value:.6g}")
            made.append(element("ordinaryStatistic", attributes, target, value))
    return serialised(element("usageData", {}, *made), USAGE, SCHEMA)


__all__ = ["Statistic", "document"]
