"""README and the site agree with the code."""

import importlib.util
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
# Flags of absl, and of commands other than the recipes.
OTHER_FLAGS = {"help", "strict"}


def _options() -> str:
    folders = ("recipes", "benchmarks", "layerlock")
    files = (f for name in folders for f in (ROOT / name).rglob("*.py"))
    return "\n".join(file.read_text() for file in files)


def test_readme_is_short():
    assert len(README.read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_exist(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(\s*([^)\s#]+)", text):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def test_flags_exist():
    options = _options()
    for page in PAGES:
        for flag in set(re.findall(r"(?<![\w-])--(\w+)", page.read_text())):
            # A plug-in's arguments: --mask_args beside --mask.
            name = flag.removesuffix("_args")
            pattern = rf"[\"']{name}[\"']|^    {name}:|--{flag}\b"
            known = flag in OTHER_FLAGS or re.search(pattern, options, re.M)
            assert known, f"{page.name}: --{flag}"


def test_every_public_name_is_on_the_reference_page():
    source = (ROOT / "layerlock" / "__init__.py").read_text()
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    listed = set(re.findall(r"^::: layerlock\.(?:\w+\.)*(\w+)$", page, re.M))
    assert set(re.findall(r" as (\w+)", source)) == listed


@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("mkdocs"), reason="needs mkdocs"
)
def test_site_builds(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    subprocess.run([*command, "-d", str(tmp_path)], cwd=ROOT, check=True)


def test_the_page_of_options_is_current():
    from layerlock.cli import text

    page = ROOT / "docs" / "reference" / "options.md"

    assert page.read_text() == text.reference(), "python docs/options.py"
