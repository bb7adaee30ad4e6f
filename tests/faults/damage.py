"""Damages every file of a run that was ended, and resumes the run."""

import dataclasses
import pathlib
import shutil

from tests.faults import scenarios, verdict, workshop

STEP = 3  # at which the run was ended
CLEAR = "a clear error"
EQUAL = "goes on, equal"
# Lines of the log, and pictures of an earlier stage, cannot be made again.
ALONE = "that file lost"
GOOD = (CLEAR, EQUAL, ALONE)


def flip(path):
    """Flips a bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def halve(path):
    """Cuts off the second half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path):
    """Leaves nothing but the name."""
    path.write_bytes(b"")


def remove(path):
    """Leaves nothing."""
    path.unlink()


DAMAGES = {"bit flip": flip, "half": halve, "empty": empty, "removed": remove}


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run did after damage.

    Args:
        file: str, relative to the run directory.
        damage: str, a name of `DAMAGES`.
        outcome: `CLEAR`, `EQUAL`, or what is wrong.
        said: str, its last line.
    """

    file: str
    damage: str
    outcome: str
    said: str


class Damager:
    """Makes a run that was ended, and resumes damaged copies of it.

    Args:
        shop: a `Workshop`.
        folder: path of an empty folder.
        flags: further flags of the run.
    """

    def __init__(self, shop, folder, *flags):
        self.shop = shop
        self.folder = pathlib.Path(folder)
        self.ended = self.folder / "ended"
        self.expected = self.folder / "expected"
        encoder = self.folder / "small_encoder"
        assert shop.run("encoder", encoder).status == 0
        flags = (*scenarios.FLAGS, f"--init_from={encoder}", *flags)
        run = shop.run("pretrain", f"--run_dir={self.expected}", *flags)
        assert run.status == 0, run.said
        run = f"--run_dir={self.ended}"
        run = shop.run("pretrain_signalled", "SIGTERM", STEP, run, *flags)
        assert run.status == 143, run.said

    def files(self) -> list[str]:
        """The files of the run, relative to its directory."""
        return sorted(verdict.files(self.ended))

    def try_one(self, file: str, damage: str) -> Result:
        """Damages a file of a copy of the run, and resumes that."""
        run_dir = self.folder / "damaged"
        shutil.rmtree(run_dir, ignore_errors=True)
        shutil.copytree(self.ended, run_dir)
        DAMAGES[damage](run_dir / file)
        before = contents(run_dir)
        run = self.shop.run("pretrain", f"--run_dir={run_dir}", "--resume")
        last = (run.said.strip().splitlines() or [""])[-1]
        return Result(
            file, damage, self._judge(file, run, run_dir, before), last
        )

    def _judge(self, file, run, run_dir, before) -> str:
        if run.status == 0:
            found = verdict.differences(run_dir, self.expected)
            if all(
                text.startswith((file, f"missing: {file}")) for text in found
            ):
                return ALONE if found else EQUAL
            return "; ".join(found)
        if run.status != 1 or "Traceback" in run.said:
            return f"ended by {run.status}: {run.said[-600:]}"
        after = contents(run_dir)
        lost = [name for name in before if after.get(name) != before[name]]
        return f"changed: {lost}" if lost else CLEAR


def contents(run_dir) -> dict:
    """The content of every file, but of the lock and the list of resumes."""
    return {
        name: (pathlib.Path(run_dir) / name).read_bytes()
        for name in verdict.files(run_dir)
        if name not in (".lock", "config.json")
    }


def table(results) -> str:
    """A line for every file, a column for every damage."""
    by_file = {}
    for result in results:
        by_file.setdefault(result.file, {})[result.damage] = result.outcome
    width = max(map(len, by_file))
    lines = [" " * width + "".join(f"  {name:14}" for name in DAMAGES)]
    for file, outcomes in by_file.items():
        cells = "".join(
            f"  {outcomes.get(name, '')[:14]:14}" for name in DAMAGES
        )
        lines.append(f"{file:{width}}{cells}".rstrip())
    return "\n".join(lines)


def all_results(folder, print_fn=print) -> list[Result]:
    """Every damage of every file."""
    folder = pathlib.Path(folder)
    with workshop.Workshop(folder / "workshop") as shop:
        damager = Damager(shop, folder)
        results = []
        for file in damager.files():
            for damage in DAMAGES:
                result = damager.try_one(file, damage)
                results.append(result)
                if result.outcome not in GOOD:
                    print_fn(f"{file}, {damage}: {result.outcome}")
    return results
