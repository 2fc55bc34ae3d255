"""A small campaign: whatever kills a run, going on gives the bytes of the undisturbed one."""

from tests.campaign.kills import Campaign


def test_killed_and_stopped_runs_end_in_the_same_bytes(tmp_path):
    campaign = Campaign(tmp_path, seed=1, images=4_000)
    assert "none" not in campaign.wanted
    campaign.kill(8)
    outcome = campaign.ask(3)
    assert (outcome.kills, outcome.signals) == (8, 3)
    assert outcome.aimed >= 2
    assert outcome.identical == outcome.runs >= 2
    assert outcome.right_codes == outcome.signals
    assert outcome.leftovers == 0
    assert outcome.slowest < 5  # seconds; the campaign proper looks at one
    assert not outcome.complaints
