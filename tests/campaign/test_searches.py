"""A small campaign: whoever of a search is killed, going on gives the undisturbed table."""

from pathlib import Path

import pytest

from tests.campaign.searches import Campaign


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_searches_with_killed_workers_and_parents_end_in_the_same_table(tmp_path):
    campaign = Campaign(tmp_path, seed=1, life=10)  # the campaign proper gives them one second
    assert len(campaign.wanted) == 8
    outcome = campaign.run(workers=2, parents=1)
    assert (outcome.workers, outcome.parents) == (2, 1)
    assert outcome.identical == outcome.searches >= 1
    assert (outcome.lost, outcome.left, outcome.leftovers) == (0, 0, 0)
    assert not outcome.complaints
