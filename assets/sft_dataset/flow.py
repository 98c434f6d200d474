"""Whole numbers in a small table with caps on its cells, rows and columns: maximum flow, then proportional fitting."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

Cell = tuple[str, str]  # row, column
ROUNDS = 200  # of proportional fitting; a table of this size converges within a few dozen


@dataclass(frozen=True)
class Caps:
    """The most that each row and each column may hold in all; a name that is missing holds nothing."""

    rows: Mapping[str, int]
    columns: Mapping[str, int]


def fill_up(flow: Counter[Cell], cells: Mapping[Cell, int], caps: Caps, total: int) -> None:
    """Raise `flow` to the largest table within `cells`, `caps` and `total` (shortest augmenting paths).

    No row and no column ever holds less than before, so targets that an earlier call met stay met; where a row or a
    column holds more than its cap already, it gets no more.
    """
    while (left := total - sum(flow.values())) > 0:
        rows, columns = Counter[str](), Counter[str]()
        for (row, column), count in flow.items():
            rows[row] += count
            columns[column] += count
        path = _shortest_path(
            flow,
            cells,
            {row for row, _ in cells if rows[row] < caps.rows.get(row, 0)},
            {column for _, column in cells if columns[column] < caps.columns.get(column, 0)},
        )
        if not path:
            return
        steps = list(pairwise(path))  # row, column, row, …, column
        forth, back = steps[::2], [(row, column) for column, row in steps[1::2]]
        amount = min(
            left,
            caps.rows[path[0]] - rows[path[0]],
            caps.columns[path[-1]] - columns[path[-1]],
            *(cells[cell] - flow[cell] for cell in forth),
            *(flow[cell] for cell in back),
        )
        for cell in forth:
            flow[cell] += amount
        for cell in back:
            flow[cell] -= amount


def fit_margins(flow: Mapping[Cell, int], cells: Mapping[Cell, int]) -> Counter[Cell]:
    """A table with the same row and column sums as `flow` whose cells are as proportional to `cells` as they allow."""
    rows, columns = Counter[str](), Counter[str]()
    for (row, column), count in flow.items():
        rows[row] += count
        columns[column] += count
    shares = {cell: float(count) for cell, count in cells.items()}
    for _ in range(ROUNDS):
        before = dict(shares)
        for axis, sums in ((0, rows), (1, columns)):
            for name in sums:
                line = [cell for cell in shares if cell[axis] == name]
                shares.update(_scaled({cell: shares[cell] for cell in line}, cells, sums[name]))
        if all(abs(shares[cell] - before[cell]) < 0.01 for cell in shares):
            break
    fitted = Counter({cell: min(int(value + 1e-9), cells[cell]) for cell, value in shares.items()})
    for axis, sums in ((0, rows), (1, columns)):  # not converged, or rounded: never over a sum before it is filled up
        for name in {cell[axis] for cell in fitted}:
            over = sum(count for cell, count in fitted.items() if cell[axis] == name) - sums[name]
            for cell in sorted((cell for cell in fitted if cell[axis] == name), key=lambda cell: -fitted[cell]):
                taken = min(max(over, 0), fitted[cell])
                fitted[cell] -= taken
                over -= taken
    fill_up(fitted, cells, Caps(rows, columns), sum(rows.values()))
    return +fitted


def _scaled(line: dict[Cell, float], cells: Mapping[Cell, int], wanted: int) -> dict[Cell, float]:
    """The line times one factor, no cell above its cap, so that it adds up to `wanted` (which its caps allow)."""
    capped: dict[Cell, float] = {}
    free = dict(line)
    while free:
        factor = (wanted - sum(capped.values())) / (sum(free.values()) or 1.0)
        over = [cell for cell, value in free.items() if value * factor > cells[cell]]
        if not over:
            return capped | {cell: value * factor for cell, value in free.items()}
        for cell in over:
            capped[cell] = float(cells[cell])
            del free[cell]
    return capped


def _shortest_path(flow: Mapping[Cell, int], cells: Mapping[Cell, int], starts: set[str], ends: set[str]) -> list[str]:
    """Row, column, row, …, column: a path for one more, from a row below its cap to a column below its cap; or []."""
    queue = deque([[row] for row in sorted(starts)])
    seen = set(starts)
    while queue:
        path = queue.popleft()
        row = path[-1]
        for column in sorted(column for found, column in cells if found == row):
            if column in seen or flow[row, column] >= cells[row, column]:
                continue
            seen.add(column)
            if column in ends:
                return [*path, column]
            for other in sorted(found for found, name in cells if name == column and found not in seen):
                if flow[other, column] > 0:
                    seen.add(other)
                    queue.append([*path, column, other])
    return []
