"""Bytes that devices exchange, read from a partitioned program."""

import dataclasses
import math
import re

from layerlock.backends.planned import Collective

_KINDS = (
    "all-gather",
    "all-reduce",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
)
# They pass each number on, to the same or to another place.
_PASSING = ("convert", "copy", "transpose", "reshape", "bitcast")
_INSTRUCTION = re.compile(
    r"\s*(?:ROOT )?%(?P<name>\S+) = (?P<type>\(.*?\)|\S+) "
    r"(?P<opcode>[\w-]+)\((?P<operands>[^)]*)\)(?P<rest>.*)"
)
_ARRAY = re.compile(r"\b([a-z]+)(\d*)\w*\[([\d,]*)\]")  # f32[2,3]
_LIST = re.compile(r"replica_groups=\{\{([\d,]+)\}")  # {{0,1},{2,3}}
_IOTA = re.compile(r"replica_groups=\[\d+,(\d+)\]<=")  # [groups,size]<=[...]
_MESH = re.compile(r"replica_groups=mesh\[(.*?)\] \{(.*?)\}")
_PATH = re.compile(r'op_name="([^"]*)"')


def collectives(text: str, num_devices: int) -> list[Collective]:
    """Reads the collectives of a program of XLA's partitioner.

    The partitioner sums on all devices, and each takes its slice. Compilers for
    accelerators make one operation of the two, so an all-reduce of which only a
    slice is used counts as a reduce-scatter.

    Args:
        text: HLO.
        num_devices: int, of the program.
    """
    found = []
    for instructions in _computations(text):
        users = _users(instructions)
        for one in instructions.values():
            if one.opcode not in _KINDS:
                continue
            group = _group_size(one.rest, num_devices)
            kind, size = one.opcode, _size(one.type)
            if kind == "reduce-scatter":
                size *= group  # of what is summed
            elif kind == "all-reduce" and _is_sliced(one.name, users):
                kind = "reduce-scatter"
            path = _PATH.search(one.rest)
            found.append(Collective(kind, size, group, path[1] if path else ""))
    return [one for one in found if one.group_size > 1]


@dataclasses.dataclass(frozen=True)
class _Instruction:
    name: str
    type: str
    opcode: str
    operands: list
    rest: str


def _computations(text):
    """Yields the instructions of each computation, by name."""
    present = {}
    for line in text.splitlines():
        match = _INSTRUCTION.match(line)
        if match:
            operands = re.findall(r"%([^\s,]+)", match["operands"])
            present[match["name"]] = _Instruction(
                match["name"],
                match["type"],
                match["opcode"],
                operands,
                match["rest"],
            )
        elif line.startswith("}"):
            yield present
            present = {}


def _users(instructions) -> dict:
    users = {name: [] for name in instructions}
    for one in instructions.values():
        for name in one.operands:
            users[name].append(one)
    return users


def _is_sliced(name, users) -> bool:
    """Whether each device uses only a slice of an array."""
    return bool(users[name]) and all(
        one.opcode == "dynamic-slice"
        or (one.opcode in _PASSING and _is_sliced(one.name, users))
        for one in users[name]
    )


def _size(type_text) -> int:
    """Bytes of the arrays of a type; a `pred` is a byte."""
    return sum(
        math.prod(map(int, filter(None, shape.split(","))))
        * int(bits or 8)
        // 8
        for _, bits, shape in _ARRAY.findall(type_text)
    )


def _group_size(rest, num_devices) -> int:
    if match := _LIST.search(rest):
        return len(match[1].split(","))
    if match := _IOTA.search(rest):
        return int(match[1])
    if match := _MESH.search(rest):
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", match[1]))
        return math.prod(
            int(sizes[axis]) for axis in re.findall(r"'(\w+)'", match[2])
        )
    return num_devices
