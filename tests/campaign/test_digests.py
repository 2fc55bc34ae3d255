"""The same configuration and threads give the same bytes, whatever else is different."""

from tests.campaign import digests


def test_processes_write_the_same_bytes(tmp_path):
    found = digests.digests(tmp_path, processes=5, images=1000)
    assert found.total() == 5
    assert len(found) == 1


def test_another_seed_gives_other_bytes(tmp_path, monkeypatch):
    """The instrument: it can tell one result from another."""
    (one,) = digests.digests(tmp_path / "one", processes=1, images=300)
    monkeypatch.setattr(digests, "SETTINGS", (*digests.SETTINGS, "--seed", "1"))
    (other,) = digests.digests(tmp_path / "other", processes=1, images=300)
    assert one[0] != other[0]
    assert one[1] != other[1]
