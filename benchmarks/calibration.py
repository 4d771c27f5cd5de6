"""Time and memory of calibrating and scoring, beside girth and PyPI's mirt, in the same run.

    python benchmarks/calibration.py                        # 10,000 × 40 and 164,130 × 60, ours and girth
    python benchmarks/calibration.py --mirt-python PYTHON   # and mirt 1.2, installed in that interpreter

Every contender runs in a process of its own (BLAS on one thread, memory = its peak); the bare matrix products of one
E-step over 61 nodes are timed in the same process, so that runs on differently busy machines can be compared. girth
and mirt get one population and, where they do not ask for it, no standard errors: what they cannot do is not counted
against them. The table is written to benchmarks/calibration.csv.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SIZES = {"10,000 × 40": (10_000, 40), "164,130 × 60": (164_130, 60)}
LONGEST = 1500  # seconds after which a contender is given up


def responses(students: int, items: int):  # type: ignore[no-untyped-def]
    """Two unequal groups answering 2PL items; (N, J) int8 and the size of the first group."""
    import numpy as np

    random = np.random.default_rng(2026)
    first = round(students * 76_621 / 164_130)
    theta = np.concatenate([random.normal(-0.3, 1, first), random.normal(0.3, 0.9, students - first)])
    a, d = random.lognormal(0, 0.3, items), random.normal(0, 1, items)
    out = np.empty((students, items), dtype=np.int8)
    for begin in range(0, students, 8192):
        part = slice(begin, begin + 8192)
        p = 1 / (1 + np.exp(-(np.outer(theta[part], a) + d)))
        out[part] = random.random(p.shape) < p
    return out, first


def bare_products(students: int, items: int) -> float:
    """Seconds for the two matrix products of one E-step, chunk by chunk, on one thread."""
    import numpy as np

    x, logs = np.random.default_rng(1).random((2048, items)), np.random.default_rng(2).random((items, 61))
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(-(-students // 2048)):
            x.T @ (x @ logs)
        best = min(best, time.perf_counter() - start)
    return best


def ours(x, first: int) -> dict[str, float]:  # type: ignore[no-untyped-def]
    import numpy as np
    import pandas as pd

    import scoring

    frame = pd.DataFrame(x, columns=[f"i{j + 1}" for j in range(x.shape[1])])
    groups = pd.Series(np.where(np.arange(len(x)) < first, "A", "B"))
    times = []
    for _ in range(3):  # the first run pays for imports; the best is the machine's, the others its neighbours'
        start, cpu = time.perf_counter(), time.process_time()
        fit = scoring.calibrate(frame, groups=groups)
        times.append((time.perf_counter() - start, time.process_time() - cpu))
    assert fit.converged
    start = time.perf_counter()
    scoring.score(fit, frame)
    return {
        "seconds": min(t[0] for t in times),
        "cpu_seconds": min(t[1] for t in times),
        "score_seconds": time.perf_counter() - start,
        "log_likelihood": fit.log_likelihood,
        "passes": fit.settings["passes"],
        "standard_errors": 1,
        "groups": 2,
    }


def girth(x, first: int) -> dict[str, float]:  # type: ignore[no-untyped-def]
    import numpy as np
    from girth import twopl_mml

    del first
    data = np.ascontiguousarray(x.T.astype(np.int64))
    start, cpu = time.perf_counter(), time.process_time()
    twopl_mml(data, options={"quadrature_n": 61, "quadrature_bounds": (-6, 6)})
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "standard_errors": 0,
        "groups": 1,
    }


def mirt(x, first: int) -> dict[str, float]:  # type: ignore[no-untyped-def]
    import mirt as package
    import numpy as np

    del first
    start, cpu = time.perf_counter(), time.process_time()
    fit = package.fit_mirt(x.astype(np.int64), model="2PL", n_quadpts=61, compute_standard_errors=False)
    out = {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "log_likelihood": float(fit.log_likelihood),
        "standard_errors": 0,
        "groups": 1,
    }
    start = time.perf_counter()
    try:
        package.fscores(fit, x.astype(np.int64), method="EAP")
        out["score_seconds"] = time.perf_counter() - start
    except Exception as error:  # its interface moves; the calibration is the comparison
        print(f"mirt could not score: {type(error).__name__}", file=sys.stderr)
    return out


CONTENDERS = {"itembank": ours, "girth": girth, "mirt": mirt}


def one(name: str, students: int, items: int) -> None:
    """Run one contender here and print what it took as JSON."""
    import resource

    x, first = responses(students, items)
    out = CONTENDERS[name](x, first)
    out["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out["e_step_products"] = bare_products(students, items)
    print(json.dumps(out))


def run(name: str, python: str, students: int, items: int) -> dict[str, object]:
    """One contender in a process of its own."""
    environment = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(HERE.parent),
    }
    command = [python, __file__, "--one", name, "--students", str(students), "--items", str(items)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        return {"contender": name, "note": f"given up after {LONGEST} s"}
    if done.returncode:
        return {"contender": name, "note": done.stderr.strip().splitlines()[-1] if done.stderr else "failed"}
    return {"contender": name, **json.loads(done.stdout.strip().splitlines()[-1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirt-python", default="", help="interpreter that has mirt 1.2")
    parser.add_argument("--skip", nargs="*", default=[], help="contenders to leave out")
    parser.add_argument("--size", choices=SIZES, help="only this size")
    parser.add_argument("--one", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--students", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--items", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.students, given.items)
        return
    import pandas as pd

    rows = []
    for size, (students, items) in SIZES.items():
        if given.size and size != given.size:
            continue
        for name in CONTENDERS:
            if name in given.skip:
                continue
            if name == "mirt" and not given.mirt_python:
                print("mirt left out: --mirt-python names no interpreter that has it", file=sys.stderr)
                continue
            python = given.mirt_python if name == "mirt" else sys.executable
            rows.append({"size": size, **run(name, python, students, items)})
            print(rows[-1], file=sys.stderr, flush=True)
    table = pd.DataFrame(rows)
    base = table[table["contender"] == "itembank"].set_index("size")
    table["times_ours"] = table["seconds"] / table["size"].map(base["seconds"])
    table["times_ours_cpu"] = table["cpu_seconds"] / table["size"].map(base["cpu_seconds"])
    table["times_e_step"] = table["seconds"] / table["e_step_products"]
    table.to_csv(HERE / "calibration.csv", index=False, float_format="%.4g")
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
