"""Empty items to fill in, one for each type; each is complete enough that `items check` says what is still missing."""

from itembank.item_file import flow, scalar
from itembank.item_model import ItemType

BODIES: dict[str, tuple[str, str]] = {
    "choice": (
        """verify:
  given: {total: 12, parts: 4}
  key: total / parts
  B: total * parts
  C: total - parts
  D: total + parts
""",
        """A ribbon of $12$ feet is cut into $4$ equal parts. How long is each part?

## Options

- A [key]: $3$ feet
- B [misconception-id]: $48$ feet
- C [misconception-id]: $8$ feet
- D [misconception-id]: $16$ feet

## Solution

$12 \\div 4 = 3$, so each part is $3$ feet long.
""",
    ),
    "multi-select": (
        """verify:
  given: {a: 6, b: 8}
  statements:
    A: 3/4 == a/b
    B: 75% == a/b
    C: 4/3 == a/b
    D: 2/8 == a/b
""",
        """Select **all** values equal to $\\frac{6}{8}$.

## Options

- A [key]: $\\frac{3}{4}$
- B [key]: $75\\%$
- C [misconception-id]: $\\frac{4}{3}$
- D [misconception-id]: $\\frac{2}{8}$

## Solution

$\\frac{6}{8} = \\frac{3}{4} = 0.75 = 75\\%$.
""",
    ),
    "numeric": (
        """verify:
  given: {length: 5, width: 3}
  key: length * width
  misconception-id: 2*(length + width)
""",
        """A rectangle is $5$ meters long and $3$ meters wide. What is its area in square meters?

## Answer

- [key]: 15
- [misconception-id]: 16

## Solution

$5 \\cdot 3 = 15$ square meters.
""",
    ),
    "short-text": (
        """verify:
  given: {f: 2, c: 5}
  variables: [x]
  key: f*(x + c)
  misconception-id: f*x + c
""",
        """Write $2(x + 5)$ without brackets.

## Answer

- [key]: 2x + 10
- [key]: 10 + 2x
- [misconception-id]: 2x + 5

## Solution

$2(x + 5) = 2x + 10$.
""",
    ),
    "match": (
        """verify:
  given: {x1: 2, y1: 6, x2: 3, y2: 9, y3: 10}
  rows:
    1: y1/x1 == y2/x2
    2: y1/x1 == y3/x2
""",
        """Which tables show a proportional relationship?

## Match

- columns: P = proportional | N = not proportional
- 1 [P; N misconception-id]: (2, 6) and (3, 9)
- 2 [N; P misconception-id]: (2, 6) and (3, 10)

## Solution

$6 \\div 2 = 3$ and $9 \\div 3 = 3$, but $10 \\div 3$ is not $3$.
""",
    ),
    "rubric": (
        """verify:
  given: {pass: 60, single: 5}
  key: pass / single
  misconception-id: pass - single
""",
        """A season pass costs \\$60, a single visit \\$5. From how many visits on is the pass worth it? Explain.

## Rubric

- 2: Finds $12$ visits and explains what happens beyond.
- 1: Finds $12$ visits, or explains a right method with a slip.
- 0: Neither.
- [misconception-id]: Subtracts and answers $55$.

## Solution

$60 \\div 5 = 12$ visits cost as much as the pass; from the 13th on the pass is cheaper.
""",
    ),
}


def template(
    type: ItemType,
    id: str = "NEW-001",
    title: str = "Title",
    grade: str = "7",
    concepts: tuple[str, ...] = (),
    standards: tuple[str, ...] = (),
    author: str = "",
    district: str = "",
    dok: str = "1",
    claim: str = "1",
    calculator: str = "no",
    points: int = 0,
    spanish: bool = False,
) -> str:
    """The text of a new item file with a worked example to write over."""
    verify, body = BODIES[type]
    person = {"name": author or "Your name"} | ({"district": district} if district else {})
    worth = points or (2 if type in ("rubric", "match", "multi-select") else 1)
    head = [
        f"id: {scalar(id)}",
        f"title: {scalar(title)}",
        f"grade: {scalar(grade)}",
        f"concepts: {flow(concepts or ('concept-id',))}",
        f"standards: {flow(standards)}",
        f"claim: {claim}",
        f"dok: {dok}",
        f"type: {type}",
        f"calculator: {calculator}",
        f"points: {worth}",
        "language: en",
        f"authors: {flow((person,))}",
        "difficulty: 0.60",
        'why: "what the item measures, and why these wrong answers"',
    ]
    text = "\n".join(["---", *head, verify + "---", "", body])
    if spanish:
        text += "\n## Español\n\nEl enunciado en español.\n"
        if type in ("choice", "multi-select"):
            text += "\n## Opciones\n\n- A: uno\n- B: dos\n- C: tres\n- D: cuatro\n"
        text += "\n## Solución\n\nLa solución.\n"
    return text
