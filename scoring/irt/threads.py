"""BLAS on one thread: its own threads cost more than they bring here; ours work on parts of the students.

And numbers then do not depend on how many processors a machine has.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
T = TypeVar("T")


@cache
def _controller() -> ThreadpoolController:
    """Found once: looking for the libraries takes milliseconds."""
    import scipy.linalg  # noqa: F401  # brings a BLAS of its own, which is only found once it is loaded

    return ThreadpoolController()


def one_blas_thread() -> Any:
    """Context in which BLAS uses one thread; afterwards it has as many as before."""
    return _controller().limit(limits=1, user_api="blas")


def on_one_blas_thread(work: Callable[P, T]) -> Callable[P, T]:
    """The function, with BLAS on one thread while it runs. One frame more lies between it and whoever is warned."""

    @wraps(work)
    def alone(*args: P.args, **kwargs: P.kwargs) -> T:
        with one_blas_thread():
            return work(*args, **kwargs)

    return alone
