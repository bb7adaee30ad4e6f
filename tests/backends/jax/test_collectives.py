"""Bytes that devices exchange, read from the text of a program."""

import keras
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("the programs are JAX's", allow_module_level=True)

from layerlock.backends.jax.collectives import collectives

PROGRAM = """\
HloModule jit_step, num_partitions=8

%add (x: bf16[], y: bf16[]) -> bf16[] {{
  %x = bf16[] parameter(0)
  %y = bf16[] parameter(1)
  ROOT %sum = bf16[] add(%x, %y)
}}

ENTRY %main (w: bf16[4,8]) -> f32[4,8] {{
  %w = bf16[4,8]{{1,0}} parameter(0)
  %place = s32[] constant(4)
{lines}
}}
"""


def read(*lines):
    return collectives(PROGRAM.format(lines="\n".join(lines)), num_devices=8)


@pytest.mark.parametrize(
    "groups, size",
    [
        ("{{0,1,2,3},{4,5,6,7}}", 4),
        ("[4,2]<=[8]", 2),
        ("mesh['a'=4,'b'=2] {'a','b'}", 8),
        ("{}", 8),
    ],
)
def test_groups_are_read_in_every_notation(groups, size):
    [one] = read(
        "  ROOT %all-gather.1 = bf16[32,8]{1,0} all-gather(%w), channel_id=1, "
        f'replica_groups={groups}, dimensions={{0}}, metadata={{op_name="a/b"}}'
    )

    assert (one.kind, one.bytes, one.group_size) == ("all-gather", 512, size)
    assert one.path == "a/b"
    assert one.bytes_sent == round(512 * (1 - 1 / size))


def test_a_sum_that_is_sliced_is_a_reduce_scatter():
    [one] = read(
        "  %all-reduce.1 = bf16[32,8]{1,0} all-reduce(%w), channel_id=1, "
        "replica_groups=[1,8]<=[8], to_apply=%add",
        "  %convert.1 = f32[32,8]{1,0} convert(%all-reduce.1)",
        "  ROOT %part = f32[4,8]{1,0} dynamic-slice(%convert.1, %place, "
        "%place), dynamic_slice_sizes={4,8}",
    )

    assert (one.kind, one.bytes_sent) == ("reduce-scatter", 448)


def test_a_sum_that_is_used_as_a_whole_is_an_all_reduce():
    [one] = read(
        "  %all-reduce.1 = bf16[32,8]{1,0} all-reduce(%w), channel_id=1, "
        "replica_groups=[1,8]<=[8], to_apply=%add",
        "  %part = bf16[4,8]{1,0} dynamic-slice(%all-reduce.1, %place, %place)",
        "  ROOT %twice = bf16[32,8]{1,0} add(%all-reduce.1, %all-reduce.1)",
    )

    assert (one.kind, one.bytes_sent) == ("all-reduce", 896)


def test_a_device_alone_exchanges_nothing():
    assert not read(
        "  ROOT %all-gather.1 = bf16[4,8]{1,0} all-gather(%w), "
        "replica_groups={{0},{1}}, dimensions={0}"
    )
