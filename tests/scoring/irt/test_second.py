"""A second process does what this one would do, and where it is gone the work is done here."""

import operator
import os
import sys
import time

import numpy as np
import pytest

from scoring.irt import profile_data, second
from scoring.irt.profile_data import ProfileData
from scoring.irt.profile_estep import expectations, student_scores
from scoring.irt.profile_students import student_results
from tests.scoring.irt.test_profile_gradient import CONCEPT, MIXED, MU, NODES, SIGMA, model, students


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.fixture
def helper():
    with second.working(True) as started:
        assert started is not None
        yield started


def test_jobs_come_back_in_their_order_and_objects_stay_there(helper):
    array = np.arange(200_000.0)  # more than a pipe holds
    kept = helper.keep(np.negative, array)
    sums = [helper.run(operator.add, kept, k) for k in range(5)]
    for k, job in enumerate(sums):
        np.testing.assert_array_equal(job.result(), k - array)
    assert helper.idle


def test_a_job_that_fails_says_so_and_the_next_is_done(helper):
    failed = helper.run(operator.truediv, 1, 0)
    later = helper.run(operator.add, 1, 2)
    with pytest.raises(second.Lost):
        failed.result()
    assert later.result() == 3


def test_it_is_busy_while_it_works_and_idle_afterwards(helper):
    job = helper.run(time.sleep, 0.3)
    assert not helper.idle
    job.result()
    assert helper.idle


def test_what_prints_does_not_get_among_the_results(helper):
    helper.run(print, "hello").result()
    assert helper.run(operator.add, 1, 2).result() == 3


def test_it_ends_with_the_context():
    given_up = []

    def give_up():
        with second.working(True) as started:
            assert started is not None
            given_up.extend([started, started.run(time.sleep, 60)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        give_up()
    started, waiting = given_up
    assert started._process is not None
    assert started._process.returncode is not None
    with pytest.raises(second.Lost):
        waiting.result()
    assert second.current() is None
    with pytest.raises(second.Lost):
        started.run(operator.add, 1, 2).result()


@pytest.mark.parametrize("interpreter", ["no such program", "/bin/false"])
def test_a_process_that_does_not_start_loses_its_jobs(monkeypatch, interpreter):
    monkeypatch.setattr(sys, "executable", interpreter)
    with second.working(True) as started:
        assert started is not None
        with pytest.raises(second.Lost):
            started.run(operator.add, 1, 2).result()
        assert not started.idle


def test_a_process_that_dies_at_its_work_loses_its_jobs(helper):
    jobs = [helper.run(os._exit, 1), helper.run(operator.add, 1, 2)]
    for job in jobs:
        with pytest.raises(second.Lost):
            job.result()
    with pytest.raises(second.Lost):
        helper.run(operator.add, 1, 2).result()


def test_one_processor_or_little_work_needs_none(monkeypatch):
    with second.working(False) as started:
        assert started is None
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    with second.working(True) as started:
        assert started is None
        assert second.current() is None


def test_a_file_in_the_folder_is_no_module_and_a_startup_that_prints_does_no_harm(monkeypatch, tmp_path):
    working, startup = tmp_path / "working", tmp_path / "startup"
    working.mkdir()
    startup.mkdir()
    (working / "numpy.py").write_text("raise ImportError\n")
    (startup / "sitecustomize.py").write_text("print('hello', flush=True)\nprint('later')\n")
    monkeypatch.setattr(sys, "path", [str(startup), *sys.path])
    monkeypatch.chdir(working)
    with second.working(True) as started:
        assert started is not None
        assert started.run(operator.add, 1, 2).result() == 3


def everything(monkeypatch, lose_after: int | None = None) -> list[np.ndarray]:
    """Three kinds of passes over 200 students in blocks of 10; the second process is lost after so many of them."""
    monkeypatch.setattr(profile_data, "_BLOCK", 10)
    m = model()
    scores, weights, group = students()
    data = ProfileData.sorted(scores, weights, group, CONCEPT, 2, np.arange(len(scores)) % 7)
    assert len(data.blocks) >= profile_data._HALVED
    out = []
    helper = second.current()
    for k in range(4):
        if k == lose_after and helper is not None:
            helper.close()
        if k == 2:
            data = data.weighted(weights * 2)
        if k < 3:
            sums = expectations(data, MIXED, NODES, MU * (1 + 0.1 * k), SIGMA, 1e-12)
            out += [sums.counts, sums.mean, sums.square, np.array(sums.log_evidence)]
    found = student_scores(data, MIXED, m.layout, NODES, MU, SIGMA, np.zeros(2), True, 1e-12)
    out += [found.outer, found.clusters, found.mastery_score, found.cluster_mastery]
    results = student_results(data, MIXED, NODES, MU[0], SIGMA[0], np.zeros(2))
    return [*out, results.mean, results.covariance, results.above, results.own_variance]


def alone(monkeypatch) -> list[np.ndarray]:
    """The same without a second process."""
    with monkeypatch.context() as without:
        without.setattr(second, "current", lambda: None)
        return everything(monkeypatch)


def test_halves_in_two_processes_give_the_very_same_numbers(monkeypatch, helper):
    kept = []
    keep = helper.keep
    monkeypatch.setattr(helper, "keep", lambda *job: kept.append(job) or keep(*job))
    there = everything(monkeypatch)
    assert len(kept) == 2  # the students, and once more with other weights
    for a, b in zip(there, alone(monkeypatch), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_one_process_keeps_is_not_asked_of_the_next(helper):
    kept = helper.keep(operator.neg, 1)
    assert helper.run(operator.add, kept, 0).result() == -1
    with second.working(True) as other:
        assert other is not None
        other.keep(operator.neg, 2)
        with pytest.raises(second.Lost):
            other.run(operator.add, kept, 0).result()


@pytest.mark.parametrize("passes", [0, 1, 2, 3])
def test_a_process_that_is_lost_between_passes_is_not_missed(monkeypatch, helper, passes):
    lost = everything(monkeypatch, lose_after=passes)
    # sites that went with the process start anew, and end within their tolerance of 1e-12 where they were
    for a, b in zip(lost, alone(monkeypatch), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_a_process_that_is_busy_is_not_waited_for(monkeypatch, helper):
    busy = helper.run(time.sleep, 600)
    monkeypatch.setattr(helper, "keep", None)  # asked for nothing
    everything(monkeypatch)
    assert not busy.done()
