"""The campaign of false alarms, on few seeds."""

import numpy as np

from handstitch.data import loading
from handstitch.insight.permutation_test import ALPHA
from tests.campaign import alarms


def test_untrained_networks_of_real_size_raise_no_alarm():
    assert alarms.alarms(alarms.normal, alarms.REPORT, 1) == 0
    assert alarms.alarms(alarms.uniform, (784, 32, 16, 10), 5) <= 1


def test_the_count_sees_networks_with_order():
    def ordered(sizes, seed):
        weights = alarms.normal(sizes, seed)
        weights[1] += 0.3 * np.float32(weights[1][:, :1])
        return weights

    assert alarms.alarms(ordered, (784, 32, 16, 10), 2) == 2
    assert alarms.p_of(ordered((784, 32, 16, 10), 0)) <= ALPHA


def test_one_epoch_is_seen(monkeypatch):
    monkeypatch.setattr(loading, "_SKETCH", {"train": (4000, 1), "test": (20, 2)})
    data = loading.load("sketch", "train")
    assert alarms.found("default", data, 1) == 1
