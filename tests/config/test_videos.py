"""Options of the jobs that write videos."""

import pytest

from layerlock.config import OptionError, PrepareConfig


def copies(**options):
    return PrepareConfig.of(data="in", out="out", **options).resolve().copies


def test_copies_are_loose_files_unless_shards_are_asked_for():
    assert copies().num_shards() is None
    assert copies().part() == (1, 1)
    assert copies(shards=8).num_shards() == 8


def test_a_shard_of_a_job_array_is_a_part_of_the_shards():
    both = copies(shards=64, shard="3/16")
    alone = copies(shard="3/16")

    assert (both.num_shards(), both.part()) == (64, (3, 16))
    assert (alone.num_shards(), alone.part()) == (16, (3, 16))


@pytest.mark.parametrize("text", ["0/4", "5/4", "3", "1/4/2", "-1/4", "a/b"])
def test_a_shard_that_is_no_part_is_refused(text):
    with pytest.raises(OptionError, match=f"I/N.*Received: shard='{text}'"):
        copies(shard=text)


def test_more_parts_than_shards_are_refused():
    with pytest.raises(OptionError, match="shard='1/9', shards=8"):
        copies(shards=8, shard="1/9")


def test_copies_are_not_written_to_an_address():
    with pytest.raises(OptionError, match="on this disk.*s3://bucket/x"):
        PrepareConfig.of(data="in", out="s3://bucket/x").resolve()
