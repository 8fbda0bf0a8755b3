"""The pages say what is so: their commands and code blocks run, their lists are complete, their links lead somewhere.

Two things are cut, so that this takes seconds: every ``lenext train`` gets ``--epochs 1 --image-size 32``, and
``epochs=N`` in Python becomes ``epochs=1``. Console lines run in order in one folder, which holds ``photos/`` (two
classes of pictures) and ``new/``; Python blocks run in folders of their own.
"""

import glob
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import lenext
from lenext.cli import main

HOUSE = Path(__file__).parent.parent
PAGES = [HOUSE / "README.md", HOUSE / "CONTRIBUTING.md", *sorted((HOUSE / "docs").rglob("*.md"))]
TEXTS = {page.relative_to(HOUSE).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
README = TEXTS["README.md"]

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [(page, *block) for page, text in TEXTS.items() for block in BLOCK.findall(text)]
SHORT = ["--epochs", "1", "--image-size", "32"]

every_page = pytest.mark.parametrize("page", TEXTS)


def section(title):
    """The README's text under a heading."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def console_lines(page):
    """What a reader of the page would type, in order: lines of console blocks, then commands within the text."""
    typed = [
        line.removeprefix("$ ")
        for where, language, code in BLOCKS
        if where == page and language == "console"
        for line in code.splitlines()
        if line.startswith("$ ")
    ]
    return typed + re.findall(r"`(lenext [^`]+)`", BLOCK.sub("", TEXTS[page]))


def words_of(line):
    """A line as a shell would hand it over: comments gone, globs opened."""
    words = [word for part in shlex.split(line, comments=True) for word in sorted(glob.glob(part)) or [part]]
    return words + SHORT if words[1] == "train" and "--resume" not in words else words


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    for number in range(12):
        for name, colour in (("day", (240, 230, 90 + 5 * number)), ("night", (10, 20, 40 + 5 * number))):
            path = folder / ("new" if number == 0 else f"photos/{name}") / f"{name}-{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (48, 40), colour).save(path)
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.glob("photos/*/*.jpg"))]
    rows = [f"{name},{'bright' if 'day' in name else ''}" for name in names]
    (folder / "photos.csv").write_text("\n".join(["path,labels", *rows]), encoding="utf-8")
    return folder


@every_page
def test_every_command_of_a_page_runs(page, desk, monkeypatch, capsys):
    monkeypatch.chdir(desk)
    for line in console_lines(page):
        name, *words = words_of(line)
        assert name == "lenext", f"a test for {name} is missing"
        with pytest.raises(SystemExit) as left:
            main(words)
        shown = capsys.readouterr()
        assert left.value.code == 0, f"{page}: {line}\n{shown.err}"
        assert shown.out, f"{page}: {line} shows nothing"


@pytest.mark.parametrize("code", [code for _, language, code in BLOCKS if language == "python"])
def test_every_python_block_runs(code, tmp_path):
    cut = re.sub(r"\bepochs=\d+", "epochs=1", code)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", cut], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_there_is_no_block_that_nobody_runs():
    assert {language for _, language, _ in BLOCKS} <= {"console", "python", ""}
    assert "python" in {language for _, language, _ in BLOCKS}
    assert any(line.startswith("lenext train ") for line in console_lines("README.md"))


def test_the_tree_names_every_package_and_file_at_the_top():
    tree = section("The tree")
    source = Path(lenext.__file__).parent
    there = {f"{path.parent.name}/" for path in source.glob("*/__init__.py")}
    there |= {path.name for path in source.glob("*.py") if not path.name.startswith("__")}
    inside = tree.partition("src/lenext/\n")[2]
    named = {
        word for line in inside.splitlines() if line.startswith("  ") for word in re.findall(r"\w+(?:/|\.py)", line)
    }
    assert sorted(there - named) == [], "missing from README's tree"
    assert sorted(named - there) == [], "in README's tree, but not there"
    beside = re.findall(r"\b(\w+)/ ", inside.partition("\nexamples/")[2])
    assert [folder for folder in ("examples", *beside) if not (HOUSE / folder).is_dir() and folder != "src"] == []


def test_the_table_names_every_network_and_file():
    table = section("The line")
    named = {word for code in re.findall(r"`([^`]+)`", table) for word in code.split()}
    steps = {name for name in lenext.list_models("convnext_roadmap_*") if not name.endswith("_01")}  # "_01 to _13"
    missing = [name for name in lenext.list_models() if name not in named | steps]
    assert missing == [], "missing from README's table"
    linked = set(re.findall(r"\(src/lenext/(models/\w+\.py)\)", table))
    assert {f"models/{file}.py" for file in lenext.models.FILES} - linked == set(), "not linked in README's table"


@every_page
def test_every_link_leads_to_something(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", TEXTS[page])
    here = (HOUSE / page).parent
    assert [link for link in links if "://" not in link and not (here / link).exists()] == []


@every_page
def test_every_target_of_make_is_in_the_makefile(page):
    makefile = (HOUSE / "Makefile").read_text(encoding="utf-8")
    wanted = re.findall(r"`make (\w+)`", TEXTS[page])
    assert [target for target in wanted if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
