"""Hostile values, texts and files, drawn from a `random.Random`.

The same functions serve pytest, where Hypothesis provides the numbers, and
`tests/fuzz/run.py`, where a seed does.
"""

import copy
import json

MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
SECRET = "fuzz_secret"  # a file outside of the folder of an attack

TEXTS = (
    "",
    " ",
    "a",
    "None",
    "nan",
    "-1",
    "1e999",
    "9" * 5000,
    "x" * 100_000,
    "\x00",
    "a\nb\r\tc",
    "\ud800",
    "\u202e\ufeff\u2028é漢😀",
    "../../" + SECRET,
    "../" + SECRET,
    "/etc/passwd",
    "~root",
    "*?[",
    "%s%n{0}{x!r}",
    "{{ 7*7 }}{% raw %}",
    "$(touch fuzz_canary)",
    "'; touch fuzz_canary; '",
    "__import__('os').system('touch fuzz_canary')",
    "(" * 300,
    "[" * 5000,
    "-" * 5000 + "1",
    "'",
    '"',
    "a=b,c=(1,2",
    "javascript:alert(1)",
    "]]>",
    "</style><script>",
    MARKUP,
)
NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    7,
    127,
    2**31 - 1,
    2**31,
    2**32,
    2**53 + 1,
    2**63,
    -(2**63),
    2**64,
    10**30,
    10**400,
    0.0,
    -0.0,
    0.5,
    1e-320,
    1e16,
    1e308,
    float("nan"),
    float("inf"),
    -float("inf"),
)
TAME = (0, 1, 2, 3, 4, 5, 8, 10, 100, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.5)
WORDS = ("scenes", "linear", "never", "mae", "vjepa", "video_vit_nano")


def text(random) -> str:
    """A text that a careless program breaks at."""
    kind = random.randrange(4)
    if kind == 0:
        return random.choice(WORDS)
    if kind == 1:
        return "".join(
            chr(
                random.choice((random.randrange(128), random.randrange(0xFFFF)))
            )
            for _ in range(random.randrange(20))
        )
    return random.choice(TEXTS)


def number(random):
    """A number, at times one that a program expects."""
    return random.choice(TAME if random.random() < 0.5 else NUMBERS)


def written(number) -> str:
    """A number as text; Python refuses to write the longest ones."""
    return "1" + "0" * 400 if number == 10**400 else repr(number)


def value(random, depth: int = 2):
    """A value of JSON, or one that Python's reader of JSON accepts."""
    kind = random.randrange(8 if depth else 6)
    if kind == 0:
        return random.choice((None, True, False))
    if kind in (1, 2):
        return number(random)
    if kind in (3, 4, 5):
        return text(random)
    count = random.randrange(4)
    if kind == 6:
        return [value(random, depth - 1) for _ in range(count)]
    return {text(random): value(random, depth - 1) for _ in range(count)}


def places(tree, path=()):
    """Yields the path of every value in a tree of JSON."""
    yield path
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    else:
        items = ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(tree, random, most: int = 3):
    """A copy of a tree of JSON in which some values are hostile."""
    tree = {"root": copy.deepcopy(tree)}
    for _ in range(random.randint(1, most)):
        path = random.choice(list(places(tree))[1:] or [("root",)])
        parent = tree
        for key in path[:-1]:
            parent = parent[key]
        key, kind = path[-1], random.randrange(8)
        if kind == 0 and len(path) > 1:
            del parent[key]
        elif kind == 1 and isinstance(parent[key], dict):
            parent[key][text(random)] = value(random)
        elif kind == 2 and isinstance(parent[key], list) and parent[key]:
            parent[key].append(copy.deepcopy(random.choice(parent[key])))
        elif kind == 3:
            parent[key] = value(random)
        else:
            parent[key] = alike(parent[key], random)
    return tree["root"]


def with_texts(tree, random, share: float = 0.3):
    """A tree of JSON in which some of the texts are hostile."""
    if isinstance(tree, dict):
        return {
            name: with_texts(item, random, share) for name, item in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [with_texts(item, random, share) for item in tree]
    if isinstance(tree, str) and random.random() < share:
        return text(random)
    return tree


def alike(old, random):
    """A hostile value of the same type, which gets further."""
    if isinstance(old, bool):
        return not old
    if isinstance(old, str):
        return text(random)
    if isinstance(old, int):
        numbers = [n for n in (*TAME, *NUMBERS) if isinstance(n, int)]
        return random.choice(numbers)
    if isinstance(old, float):
        return float(random.choice([n for n in NUMBERS if n != 10**400]))
    if isinstance(old, dict):
        return {key: alike(item, random) for key, item in old.items()}
    if isinstance(old, list):
        return [alike(item, random) for item in old] * random.randrange(3)
    return value(random)


def encoded(tree, random) -> bytes:
    """JSON of a tree as bytes, at times damaged, in UTF-8 or not."""
    content = json.dumps(tree).encode("utf-8", "surrogatepass")
    kind = random.randrange(12)
    if kind == 0:
        return damaged(content, random)
    if kind == 1:
        return b"[" * 200_000
    if kind == 2:
        return random.choice(
            (
                b"",
                b"null",
                b"[]",
                b"{}",
                b"1",
                b'""',
                b"\xff\xfe",
                b"\xef\xbb\xbf{}",
            )
        )
    if kind == 3:
        return json.dumps(tree, ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )
    if kind == 4:
        return b'{"a": ' * 20_000 + b"1" + b"}" * 20_000
    return content


def damaged(content: bytes, random) -> bytes:
    """Bytes with some of them flipped, cut out, repeated or replaced."""
    content = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        if not content:
            break
        at = random.randrange(len(content))
        kind = random.randrange(7)
        if kind == 0:
            content[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            content[at] = random.randrange(256)
        elif kind == 2:
            number = random.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 100_000))
            order = random.choice(("big", "little"))
            content[at : at + 4] = number.to_bytes(4, order)
        elif kind == 3:
            del content[at:]
        elif kind == 4:
            del content[at : at + random.randrange(1, 64)]
        elif kind == 5:
            part = content[at : at + random.randrange(1, 64)]
            content[at:at] = part * random.randrange(1, 4)
        else:
            content[at:at] = bytes(
                random.randrange(256) for _ in range(random.randrange(1, 16))
            )
    return bytes(content)
