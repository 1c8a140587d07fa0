"""The number of loading processes is chosen by measuring."""

import numpy as np
import pytest

from dl_assets.training import workers
from dl_assets.training.batches import Batches, ShuffledIndices
from dl_assets.training.workers import choose_workers, fewest_of_the_best, measured

RATES = {0: 50.0, 1: 48.0, 2: 90.0, 4: 99.0, 8: 100.0, 16: 97.0}


class Arrays(list):
    shape = (2, 2, 1)

    def batch(self, indices):
        return np.stack([self[index] for index in indices])


@pytest.fixture
def small():
    return Batches(Arrays([np.zeros((2, 2, 1), np.uint8)] * 20), np.zeros(20, np.int64)), ShuffledIndices(20, 5, seed=0)


@pytest.mark.parametrize(
    ("rates", "chosen"),
    [(RATES, 4), ({0: 100.0, 1: 60.0, 2: 104.0}, 0), ({0: 100.0, 1: 60.0, 2: 106.0}, 2), ({0: 1.0}, 0)],
)
def test_more_processes_must_be_worth_it(rates, chosen):
    assert fewest_of_the_best(rates) == chosen


def test_no_more_processes_are_tried_than_there_are_cores_and_no_further_than_they_help():
    assert measured(RATES.__getitem__, most=6) == {workers: RATES[workers] for workers in (0, 1, 2, 4)}
    assert measured({**RATES, 4: 80.0}.__getitem__, most=64) == {0: 50.0, 1: 48.0, 2: 90.0, 4: 80.0}
    assert measured({0: 50.0, 1: 10.0, 2: 90.0}.__getitem__, most=3) == {0: 50.0, 1: 10.0, 2: 90.0}


def test_a_number_in_the_file_is_taken_as_it_is(small, capsys):
    assert choose_workers(3, *small, epochs=5) == 3
    assert capsys.readouterr().out == ""


def test_little_loading_stays_in_this_process(small, capsys):
    assert choose_workers("auto", *small, epochs=5) == 0
    assert capsys.readouterr().out.startswith("loading in this process: all 20 batches take about ")


def test_much_loading_is_measured_with_real_processes(small, capsys, monkeypatch):
    monkeypatch.setattr(workers, "_MEASURED_SECONDS", 0.02)
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 2)
    chosen = choose_workers("auto", *small, epochs=10**9)
    told = capsys.readouterr().out
    assert told.startswith(f"loading with {chosen} workers; batches a second by number of workers are 0: ")
    assert ", 1: " in told and chosen in (0, 1, 2)
