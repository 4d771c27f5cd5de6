"""Who belongs together in a latent regression: covariate patterns, schools, districts, cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.irt.distinct import distinct_numbers, distinct_rows_of
from scoring.irt.errors import DesignError

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Schools with fewer students than this share one school effect per district (docs/methods/comparison.md).
SMALLEST_SCHOOL = 11


@dataclass(frozen=True)
class Design:
    """N students in R covariate patterns, S schools and D districts, sorted by school and pattern.

    A cell is what has the same school and the same pattern; students of a cell are neighbours.

    Attributes:
        x: (R, K) the distinct rows of the design matrix.
        order: (N,) positions of the sorted students in the caller's order.
        pattern: (N,) row of x, of the sorted students.
        school: (N,) school of the sorted students, small schools of a district pooled.
        district: (N,) district of the sorted students.
        school_district: (S,) district of each school.
        school_size: (S,) students.
        cell_start: (M,) first student of each cell.
        cell_pattern: (M,) row of x.
        cell_school: (M,) school.
        school_start: (S,) first student of each school.
        school_first_cell: (S,) first cell of each school.
        pooled: how many schools were pooled for being small.
        weight: (N,) case weights of the sorted students; None: everybody counts once.
    """

    x: Array
    order: Ints
    pattern: Ints
    school: Ints
    district: Ints
    school_district: Ints
    school_size: Ints
    cell_start: Ints
    cell_pattern: Ints
    cell_school: Ints
    school_start: Ints
    school_first_cell: Ints
    pooled: int
    weight: Array | None = None

    @property
    def n_districts(self) -> int:
        return int(self.school_district.max()) + 1

    def school_cells(self, s: int) -> slice:
        """The cells of school s."""
        last = self.school_first_cell[s + 1] if s + 1 < self.school_first_cell.size else self.cell_start.size
        return slice(int(self.school_first_cell[s]), int(last))

    def school_rows(self, s: int) -> slice:
        """The students of school s."""
        first = int(self.school_start[s])
        return slice(first, first + int(self.school_size[s]))


def build_design(
    x: Array, school: Ints, district: Ints, smallest: int = SMALLEST_SCHOOL, weight: Array | None = None
) -> Design:
    """Sort students into cells.

    Args:
        x: (N, K) design matrix, of full column rank.
        school: (N,) school numbers.
        district: (N,) district numbers 0..D-1.
        smallest: schools with fewer students are pooled within their district.
        weight: (N,) positive case weights: a student of weight 2 counts like two students of the same answers.

    Raises:
        DesignError: a school in two districts, or columns of the design that repeat each other.
    """
    school, district = np.asarray(school, dtype=np.int64), np.asarray(district, dtype=np.int64)
    codes, school = distinct_numbers(school)
    home = np.full(codes.size, -1)
    home[school] = district
    if np.any(home[school] != district):
        count = np.unique(school[home[school] != district]).size
        raise DesignError(
            "school-in-two-districts",
            f"{count} schools have students in more than one district.",
            "Give every school of every district its own code, for example DISTRICT-SCHOOL.",
        )
    size = np.bincount(school)
    small = size < smallest
    label = np.where(small, codes.size + home, np.arange(codes.size))
    _, school = distinct_numbers(label[school])
    x = np.asarray(x, dtype=float)
    one, pattern = distinct_rows_of(x)
    rows = x[one]
    rank = int(np.linalg.matrix_rank(rows))
    if rank < rows.shape[1]:
        raise DesignError(
            "redundant-conditioning",
            f"The conditioning variables have {rows.shape[1]} columns but only {rank} say something of their own.",
            "Leave out a variable that follows from the others, or an interaction without students.",
        )
    order = np.lexsort((pattern, school))
    school, pattern, district = school[order], pattern[order], district[order]
    new_school = np.flatnonzero(np.diff(school, prepend=-1))
    new_cell = np.flatnonzero((np.diff(school, prepend=-1) != 0) | (np.diff(pattern, prepend=-1) != 0))
    return Design(
        x=rows,
        order=order,
        pattern=pattern,
        school=school,
        district=district,
        school_district=district[new_school],
        school_size=np.diff(np.append(new_school, school.size)),
        cell_start=new_cell,
        cell_pattern=pattern[new_cell],
        cell_school=school[new_cell],
        school_start=new_school,
        school_first_cell=np.searchsorted(new_cell, new_school),
        pooled=int(small.sum()),
        weight=None if weight is None else np.asarray(weight, dtype=float)[order],
    )
