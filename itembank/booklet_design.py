"""Matrix-sampled booklets: which blocks each booklet holds, so that blocks can be compared with each other.

Cyclic designs (John & Williams 1995): each booklet is another shifted by one block, so that every block stands in
every position equally often; base blocks are chosen so that pairs of blocks meet as equally often as possible.
"""

from dataclasses import dataclass
from itertools import combinations
from math import gcd


@dataclass(frozen=True, slots=True)
class Design:
    """Which blocks stand in which booklet.

    Attributes:
        booklets: per booklet, its blocks (from 0) in order.
        blocks: how many there are.
        pairs: (fewest, most) booklets in which a pair of blocks meets; equal when the design is balanced.
        appearances: in how many booklets each block stands; once per position in every `blocks` booklets.
    """

    booklets: tuple[tuple[int, ...], ...]
    blocks: int
    pairs: tuple[int, int]
    appearances: int

    @property
    def balanced(self) -> bool:
        return self.pairs[0] == self.pairs[1]


def design(blocks: int, each: int, rounds: int = 1) -> Design:
    """The best cyclic design of `rounds` base blocks, searched completely up to 20,000 candidates per base block.

    Args:
        blocks: v, 2 to 40.
        each: blocks per booklet, 1 < each <= v (one block per booklet cannot connect anything).
        rounds: base blocks; v booklets come of each.

    Raises:
        ValueError: no such connected design.
    """
    if not 2 <= each <= blocks <= 40:
        raise ValueError("a connected design has 2 or more blocks in a booklet, and at most 40")
    meets = [0] * blocks  # how often two blocks at this distance meet
    bases: list[tuple[int, ...]] = []
    for _ in range(rounds):
        base = min(_bases(blocks, each), key=lambda b: _unevenness(meets, _distances(b, blocks)))
        bases.append(base)
        for d, n in enumerate(_distances(base, blocks)):
            meets[d] += n
    step = blocks
    for d in range(1, blocks):
        if meets[d]:
            step = gcd(step, d)
    if step != 1:
        raise ValueError("no connected design was found")
    booklets = tuple(tuple((b + shift) % blocks for b in base) for base in bases for shift in range(blocks))
    return Design(booklets, blocks, (min(meets[1:]), max(meets[1:])), each * rounds)


def _bases(blocks: int, each: int) -> list[tuple[int, ...]]:
    """Sets that hold block 0; all of them, or the first 20,000."""
    found = []
    for n, rest in enumerate(combinations(range(1, blocks), each - 1)):
        if n >= 20_000:
            break
        found.append((0, *rest))
    return found


def _distances(base: tuple[int, ...], blocks: int) -> list[int]:
    found = [0] * blocks
    for a in base:
        for b in base:
            if a != b:
                found[(a - b) % blocks] += 1
    return found


def _unevenness(meets: list[int], more: list[int]) -> tuple[int, int]:
    sums = [m + n for m, n in zip(meets[1:], more[1:], strict=True)]
    return sum(s * s for s in sums), -min(sums)
