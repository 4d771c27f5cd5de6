"""Recompute an item's key and every misconception's answer from the numbers of its stem, and compare.

A changed number in the stem, a slip in an option or a misconception that leads elsewhere becomes a finding.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from itembank import mathtext
from itembank.findings import Finding, Severity
from itembank.item_model import Answer, Expression, Item, Option
from itembank.verify_compare import bound, constant, flat, is_answer, leaves, near, text_of
from itembank.verify_equivalence import equivalent
from itembank.verify_reading import mentioned, numbers, readings
from itembank.verify_syntax import Expr, ExpressionError, names, parse, written
from itembank.verify_values import FUNCTIONS, Point, Value, evaluate, same

UNSEEN = ("corners", "extra", "file")  # places of a drawing that no student reads off


@dataclass(slots=True)
class Recomputed:
    """What came out.

    Attributes:
        values: option letter, "key", misconception id or row id -> the computed value as text.
        findings: what does not agree.
    """

    values: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def check(item: Item) -> Recomputed:
    """Recompute the item."""
    result = Recomputed()
    verify = item.verify
    if verify.reason:
        return result
    line = verify.line or item.lines.get("type", 0)
    if not (verify.expressions or verify.statements or verify.rows):
        hint = "see Verify in items/README.md; where nothing can be computed: `verify: {none: reason}`"
        result.findings.append(
            Finding(item.source, line, "no-verify", "warning", "nothing recomputes the key", hint, "verify")
        )
        return result
    judge = _Judge(item, result)
    if judge.ready():
        judge.judge()
    return result


class _Judge:
    def __init__(self, item: Item, result: Recomputed) -> None:
        self.item, self.result = item, result
        self.names: dict[str, Value] = {}
        self.used: set[str] = set()
        self.trees: dict[str, Expr] = {}
        self.let_names: dict[str, set[str]] = {}

    def note(self, line: int, code: str, message: str, hint: str = "", severity: str = "error") -> None:
        level: Severity = "warning" if severity == "warning" else "error"
        self.result.findings.append(Finding(self.item.source, line, code, level, message, hint, "verify"))

    # givens and steps

    def ready(self) -> bool:
        """Givens read, present in the stem, steps computed. False where nothing more can be said."""
        before = len(self.result.findings)
        for name, given in self.item.verify.given.items():
            if name in FUNCTIONS or name in ("pi", "and", "or", "not", "if", "true", "false"):
                self.note(given.line, "given-name", f"`{name}` is a word of the expressions", "take another name")
                continue
            try:
                self.names[name] = evaluate(parse(given.text), {})
            except ExpressionError as error:
                self.note(given.line, "given-value", f"the given `{name}` cannot be read: {error}")
        for word in self.item.verify.variables:
            if word in self.names:
                self.note(self.item.verify.line, "given-name", f"`{word}` is both a given and a variable")
        self.givens_in_stem()
        for name, step in self.item.verify.let.items():
            tree = self.tree(step, f"`{name}`")
            if tree is None:
                continue
            try:
                self.names[name] = evaluate(tree, self.names)
                self.let_names[name] = self.roots(tree)
            except ExpressionError as error:
                self.note(step.line, "verify-expression", f"`{name}`: {error}")
        return not any(f.code in ("given-value", "given-name") for f in self.result.findings[before:])

    def givens_in_stem(self) -> None:
        texts = [self.item.stem, self.item.stimulus_text]
        found = {abs(n) for text in texts if text for n in numbers(text)}
        for figure in self.item.figures:
            seen = {k: v for k, v in figure.data.items() if k not in UNSEEN}
            found |= {abs(n) for text in leaves(seen) for n in numbers(text.replace("$", ""))}
        if self.item.type == "match":
            for row in self.item.rows:
                found |= {abs(n) for n in numbers(row.text)}
        if self.item.verify.statements:
            for option in self.item.options:
                found |= {abs(n) for n in numbers(option.text)}
        words = mathtext.plain(" ".join(texts)).lower()
        for name, given in self.item.verify.given.items():
            value = self.names.get(name)
            if value is None:
                continue
            for part in flat(value):
                if isinstance(part, Fraction) and abs(part) not in found:
                    hint = "a given is a number of the stem, of a figure's data or of the stimulus, as written there"
                    self.note(
                        given.line, "given-not-in-stem", f"the given `{name}` ({text_of(part)}) is not there", hint
                    )
                    break
                if isinstance(part, str) and part.lower() not in words:
                    self.note(given.line, "given-not-in-stem", f"the given `{name}` ('{part}') is not in the stem")
                    break

    def roots(self, tree: Expr) -> set[str]:
        """The givens an expression rests on, through the steps."""
        found: set[str] = set()
        for name in names(tree):
            if name in self.item.verify.given:
                found.add(name)
            found |= self.let_names.get(name, set())
        return found

    def tree(self, expression: Expression, of: str) -> Expr | None:
        try:
            tree = parse(expression.text)
        except ExpressionError as error:
            self.note(expression.line, "verify-expression", f"{of}: {error}", "see Verify in items/README.md")
            return None
        known = {*self.item.verify.given, *self.item.verify.let, *self.item.verify.variables, "true", "false"}
        unknown = sorted(names(tree) - known)
        if unknown:
            hint = "add it to `given`, or to `variables: [...]` where it stays a letter"
            self.note(expression.line, "verify-name", f"{of}: `{unknown[0]}` is not a given", hint)
            return None
        self.used |= self.roots(tree)
        if of.startswith("`") and not self.roots(tree):
            pass  # a step may be a constant; what uses it is judged
        elif not self.roots(tree):
            code = "verify-literal"
            hint = "compute it from the givens, so that a changed number in the stem is noticed"
            self.note(expression.line, code, f"{of}: the expression uses no given", hint)
        return tree

    # judging

    def judge(self) -> None:
        item = self.item
        if item.type in ("choice", "multi-select"):
            self.options()
        elif item.type in ("numeric", "short-text"):
            self.answers()
        elif item.type == "match":
            self.rows()
        else:
            self.rubric()
        unused = [n for n in item.verify.given if n not in self.used]
        for name in unused:
            hint = "use it, or drop it from `given`"
            self.note(
                item.verify.given[name].line, "unused-given", f"the given `{name}` is used nowhere", hint, "warning"
            )

    def options(self) -> None:
        item, verify = self.item, self.item.verify
        letters = [o.letter for o in item.options]
        for name, said in (*verify.expressions.items(), *verify.statements.items()):
            if name != "key" and name not in letters:
                ids = {o.misconception for o in item.options}
                if name not in ids:
                    self.note(said.line, "verify-option", f"`verify` names {name}, which is no option")
        for option in item.options:
            if option.letter in verify.statements:
                self.statement(option, verify.statements[option.letter])
                continue
            expression: Expression | None = verify.expressions.get(option.letter)
            if expression is None and option.key:
                expression = verify.expressions.get("key")
            if expression is None and option.misconception:
                expression = verify.expressions.get(option.misconception)
            if expression is None:
                if verify.statements or verify.expressions:
                    what = "option " + option.letter
                    hint = f"add `{option.letter}: expression` to verify"
                    self.note(option.line, "verify-missing", f"nothing recomputes {what}", hint)
                continue
            tree = self.tree(expression, f"option {option.letter}")
            if tree is not None:
                self.agrees(option.letter, tree, expression, option.value or option.text, option.line)

    def statement(self, option: Option, expression: Expression) -> None:
        tree = self.tree(expression, f"option {option.letter}")
        if tree is None:
            return
        value = self.value(tree, expression, f"option {option.letter}")
        if value is None:
            return
        self.result.values[option.letter] = text_of(value)
        if not isinstance(value, bool):
            hint = "a statement compares: `mean(a) > mean(b)`"
            self.note(expression.line, "verify-statement", f"statement {option.letter} is neither true nor false", hint)
        elif value != option.key:
            role = "the key" if option.key else "not a key"
            message = f"statement {option.letter} is {'true' if value else 'false'}, but {option.letter} is {role}"
            self.note(expression.line, "verify-mismatch", message)

    def value(self, tree: Expr, expression: Expression, of: str) -> Value | None:
        try:
            return evaluate(tree, self.names)
        except ExpressionError as error:
            self.note(expression.line, "verify-expression", f"{of}: {error}")
            return None

    def agrees(self, name: str, tree: Expr, expression: Expression, text: str, line: int, tolerance: str = "") -> None:
        """One of the readings of `text` is what `tree` computes."""
        shown = self.shown(tree)
        if shown is None:
            try:
                evaluate(tree, self.names)
            except ExpressionError as error:
                self.note(expression.line, "verify-expression", f"`{name}`: {error}")
            return
        self.result.values[name] = shown
        understood = readings(text)
        for reading in understood:
            try:
                if self.matches(tree, reading.tree, tolerance):
                    return
            except ExpressionError:
                continue
        plain = mathtext.plain(text)
        if not any(r.tree.kind != "text" for r in understood) and shown[:1] not in "'\"":
            hint = f"say its value: `- {name} [...] = {shown}: ...`, or use `statements`"
            self.note(line, "no-value", f"{name}: the text holds no single value to compare with {shown}", hint)
            return
        hint = "the text, the expression or a given is wrong"
        self.note(line, "verify-mismatch", f"{name}: verify computes {shown}, the text says {plain[:60]}", hint)

    def shown(self, tree: Expr) -> str | None:
        if names(tree) - set(self.names) - {"true", "false"}:
            return written(bound(tree, self.names))
        try:
            return text_of(evaluate(tree, self.names))
        except ExpressionError:
            return None

    def matches(self, tree: Expr, said: Expr, tolerance: str = "") -> bool:
        if said.kind == "text":
            value = evaluate(tree, self.names) if not names(tree) - set(self.names) else None
            if not isinstance(value, str):
                return False
            words, wanted = said.text.lower(), value.lower().strip()
            return wanted == words or f" {wanted} " in f" {words.replace(',', ' ').replace('.', ' ')} "
        if names(said) & set(self.names):  # the text's letters are never the author's names for givens
            renamed = {n: v for n, v in self.names.items() if n not in names(said)}
            tree = bound(tree, self.names)
            return equivalent(tree, said, renamed)
        if tolerance:
            a, b = evaluate(tree, self.names), evaluate(said, {})
            return near(a, b, tolerance)
        return equivalent(tree, said, self.names)

    def answers(self) -> None:
        item, verify = self.item, self.item.verify
        keys = [a for a in item.answers if a.key]
        if "key" not in verify.expressions:
            self.note(verify.line, "verify-missing", "nothing recomputes the key", "add `key: expression` to verify")
        for name, expression in verify.expressions.items():
            answers = keys if name == "key" else [a for a in item.answers if a.misconception == name]
            if not answers:
                self.note(expression.line, "verify-option", f"`verify` names {name}, which is no answer of the item")
                continue
            tree = self.tree(expression, name if name != "key" else "the key")
            if tree is not None:
                self.answer(name, tree, expression, answers)
        for answer in item.answers:
            if not answer.key and answer.misconception not in verify.expressions:
                hint = f"add `{answer.misconception}: expression` to verify"
                self.note(answer.line, "verify-missing", f"nothing recomputes {answer.misconception}", hint)

    def answer(self, name: str, tree: Expr, expression: Expression, answers: list[Answer]) -> None:
        tolerance = next((a.tolerance for a in answers if a.tolerance), "")
        spelled = [a for a in answers if any(r.tree.kind != "text" for r in readings(a.text))]
        if len(answers) > 1 and self.item.type == "short-text" and spelled:
            answers = spelled  # accepted words beside accepted numbers ("twelve") are not recomputed
        for answer in answers:
            self.agrees(name, tree, expression, answer.text, answer.line, tolerance)

    def rows(self) -> None:
        item, verify = self.item, self.item.verify
        ids = [r.id for r in item.rows]
        for name, expression in verify.rows.items():
            if name not in ids:
                self.note(expression.line, "verify-option", f"`verify` names row {name}, which is not there")
        for row in item.rows:
            row_expression = verify.rows.get(row.id)
            if row_expression is None:
                self.note(row.line, "verify-missing", f"nothing recomputes row {row.id}", "add it to `rows` in verify")
                continue
            tree = self.tree(row_expression, f"row {row.id}")
            value = self.value(tree, row_expression, f"row {row.id}") if tree is not None else None
            if value is None:
                continue
            self.result.values[row.id] = text_of(value)
            columns = self.columns_of(value)
            if set(columns) != set(row.keys):
                said = ", ".join(row.keys) or "nothing"
                message = f"row {row.id}: verify gives {', '.join(columns) or text_of(value)}, the key says {said}"
                self.note(row.line, "verify-mismatch", message)

    def columns_of(self, value: Value) -> list[str]:
        """The columns a value points to: a letter, letters, true or false for two columns, or the value of a column."""
        columns = self.item.columns
        if isinstance(value, bool):
            return [columns[0 if value else 1].letter] if len(columns) == 2 else []
        if isinstance(value, list):
            return [c for v in value for c in self.columns_of(v)]
        if isinstance(value, str):
            letter = [c.letter for c in columns if c.letter == value.strip().upper()]
            return letter or [c.letter for c in columns if mathtext.plain(c.text).lower() == value.lower()]
        found: list[str] = []
        for column in columns:
            for reading in readings(column.text):
                try:
                    if reading.tree.kind != "text" and same(evaluate(reading.tree, {}), value):
                        found.append(column.letter)
                        break
                except ExpressionError:
                    continue
        return found

    def rubric(self) -> None:
        item, verify = self.item, self.item.verify
        if "key" not in verify.expressions:
            self.note(verify.line, "verify-missing", "nothing recomputes the final answer", "add `key: expression`")
        described = {e.misconception: e for e in item.errors}
        for name, expression in verify.expressions.items():
            if name == "key":
                text, line, where = item.solution, item.lines.get("solution", 0), "the solution"
            elif name in described:
                text, line, where = described[name].text, described[name].line, "its description"
            else:
                self.note(expression.line, "verify-option", f"`verify` names {name}, which the rubric does not")
                continue
            tree = self.tree(expression, "the key" if name == "key" else name)
            shown = self.shown(tree) if tree is not None else None
            if tree is None:
                continue
            if shown is None:
                self.value(tree, expression, name)
                continue
            self.result.values[name] = shown
            if not self.occurs(tree, text):
                self.note(line, "verify-mismatch", f"{name}: verify computes {shown}, which {where} does not reach")

    def occurs(self, tree: Expr, text: str) -> bool:
        if tree.kind in ("list", "point"):
            return all(self.occurs(p, text) for p in tree.parts)
        value = None if names(tree) - set(self.names) else evaluate(tree, self.names)
        if isinstance(value, str):
            return value.lower() in mathtext.plain(text).lower()
        if isinstance(value, (list, Point)):
            return all(self.occurs(constant(v), text) for v in value)
        if isinstance(value, bool):
            return True
        for said in mentioned(text):
            try:
                if not is_answer(said):
                    continue
                if said.kind != "text" and self.matches(tree, said):
                    return True
                if "%" in text and isinstance(value, Fraction) and same(evaluate(said, {}), value * 100):
                    return True
            except ExpressionError:
                continue
        return False
