"""Files and folders that are whole or not there, whatever happens in between."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from lenext.errors import Failed
from lenext.weights.durable import MANIFEST, read_folder, remove_folder, remove_unfinished, write_file, write_folder

FILES = {"weights.bin": b"\x00\x01" * 500, "state.json": b"{}"}


class Killed(BaseException):
    """What ends a process between two system calls."""


def fail_at(monkeypatch, name, error, owner=os):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(owner, name, fail)


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def whole(path):
    return read_folder(path) == FILES


@pytest.fixture
def calls(monkeypatch):
    """What reached the disk, in order: files synced by name, and renames."""
    seen = []
    sync, rename, replace = os.fsync, Path.rename, Path.replace

    def spy_sync(descriptor):
        seen.append(("sync", os.readlink(f"/proc/self/fd/{descriptor}")))
        sync(descriptor)

    def spy_rename(path, target):
        seen.append(("rename", str(path), str(target)))
        return rename(path, target)

    def spy_replace(path, target):
        seen.append(("rename", str(path), str(target)))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", spy_sync)
    monkeypatch.setattr(Path, "rename", spy_rename)
    monkeypatch.setattr(Path, "replace", spy_replace)
    return seen


class TestFile:
    def test_it_is_replaced_and_nothing_else_is_left(self, tmp_path):
        path = tmp_path / "report.html"
        path.write_text("old")
        write_file(path, "new ü".encode())
        assert path.read_text(encoding="utf-8") == "new ü"
        assert listing(tmp_path) == ["report.html"]

    def test_it_has_the_permissions_that_new_files_have(self, tmp_path):
        (tmp_path / "usual").write_text("")
        write_file(tmp_path / "ours", b"")
        assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode

    def test_it_is_synced_renamed_and_its_folder_synced_in_this_order(self, tmp_path, calls):
        write_file(tmp_path / "a", b"1")
        beside = str(tmp_path / ".unfinished-a")
        assert calls == [("sync", beside), ("rename", beside, str(tmp_path / "a")), ("sync", str(tmp_path))]

    @pytest.mark.parametrize(
        ("number", "words"), [(errno.ENOSPC, "No space left on device"), (errno.EACCES, "Permission denied")]
    )
    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_a_failed_write_leaves_the_old_file_and_no_rest(self, tmp_path, monkeypatch, number, words, step):
        path = tmp_path / "report.html"
        path.write_text("old")
        fail_at(monkeypatch, step, OSError(number, words), os if step == "fsync" else Path)
        with pytest.raises(Failed, match=rf"report\.html \(2,000 bytes\): {words}\.") as caught:
            write_file(path, bytes(2000))
        assert caught.value.remedy
        assert path.read_text() == "old"
        assert listing(tmp_path) == ["report.html"]

    @pytest.mark.parametrize("place", ["gone/report.html", "file/report.html", "folder"])
    def test_a_place_that_cannot_hold_it_is_said(self, tmp_path, place):
        (tmp_path / "file").write_text("")
        (tmp_path / "folder").mkdir()
        before = listing(tmp_path)
        for resumes in (True, False):
            with pytest.raises(Failed, match="Cannot write") as caught:
                write_file(tmp_path / place, b"", resumes=resumes)
            assert "Free space" not in caught.value.remedy, "there is enough of it"
            assert ("--resume" in caught.value.remedy) == resumes
        assert listing(tmp_path) == before

    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_a_kill_leaves_the_old_file(self, tmp_path, monkeypatch, step):
        path = tmp_path / "a"
        path.write_text("old")
        fail_at(monkeypatch, step, Killed(), os if step == "fsync" else Path)
        with pytest.raises(Killed):
            write_file(path, b"new")
        assert path.read_text() == "old"
        monkeypatch.undo()
        remove_unfinished(tmp_path)
        assert listing(tmp_path) == ["a"]


class TestFolder:
    def test_its_files_come_back_and_the_manifest_says_what_they_are(self, tmp_path):
        write_folder(tmp_path / "deep" / "one", FILES)
        assert whole(tmp_path / "deep" / "one")
        assert listing(tmp_path / "deep") == ["one", "one/manifest.json", "one/state.json", "one/weights.bin"]
        said = json.loads((tmp_path / "deep" / "one" / MANIFEST).read_text())["files"]
        assert said == {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in FILES.items()
        }

    def test_every_file_and_both_folders_are_synced_before_it_counts(self, tmp_path, calls):
        write_folder(tmp_path / "one", FILES)
        beside = str(tmp_path / ".unfinished-one")
        names = [*FILES, MANIFEST]
        assert calls == [
            *(("sync", f"{beside}/{name}") for name in names),
            ("sync", beside),
            ("rename", beside, str(tmp_path / "one")),
            ("sync", str(tmp_path)),
        ]

    def test_a_damaged_one_is_replaced(self, tmp_path):
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "rest").write_text("x")
        write_folder(tmp_path / "one", FILES)
        assert whole(tmp_path / "one")
        assert not (tmp_path / "one" / "rest").exists()

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
    def test_a_failed_write_leaves_nothing_and_says_how_much_it_was(self, tmp_path, monkeypatch, number):
        fail_at(monkeypatch, "fsync", OSError(number, os.strerror(number)))
        with pytest.raises(Failed, match=rf"one \(1,002 bytes\): {os.strerror(number)}\.") as caught:
            write_folder(tmp_path / "one", FILES)
        assert "--resume" in caught.value.remedy
        assert listing(tmp_path) == []

    @pytest.mark.parametrize("step", range(9))
    def test_a_kill_at_any_step_leaves_all_of_it_or_none(self, tmp_path, monkeypatch, step):
        """Eight steps: three files and the folder synced, renamed, the parent synced, and two clearings."""
        left = kill_at(monkeypatch, step)
        try:
            write_folder(tmp_path / "one", FILES)
        except Killed:
            assert step < 8
        else:
            assert step == 8
        assert left() <= 0
        monkeypatch.undo()
        assert whole(tmp_path / "one") or not (tmp_path / "one").exists()
        write_folder(tmp_path / "one", FILES)
        assert whole(tmp_path / "one")
        remove_unfinished(tmp_path)
        assert listing(tmp_path)[0] == "one"

    def test_a_half_written_one_from_before_is_no_obstacle(self, tmp_path):
        (tmp_path / ".unfinished-one").mkdir()
        (tmp_path / ".unfinished-one" / "rest").write_text("x")
        write_folder(tmp_path / "one", FILES)
        assert listing(tmp_path / "one") == ["manifest.json", "state.json", "weights.bin"]


def kill_at(monkeypatch, step):
    """Raise ``Killed`` in place of the step-th call that changes the disk; rmtree dies in the middle of its work."""
    count = [step]

    def deadly(function, half=None):
        def call(*arguments, **options):
            if count[0] == 0:
                count[0] -= 1
                if half is not None:
                    half(*arguments)
                raise Killed
            count[0] -= 1
            return function(*arguments, **options)

        return call

    def half_removed(path, **_):
        for file in sorted(Path(path).glob("*"))[:1]:
            file.unlink()

    monkeypatch.setattr(os, "fsync", deadly(os.fsync))
    monkeypatch.setattr(Path, "rename", deadly(Path.rename))
    monkeypatch.setattr(Path, "replace", deadly(Path.replace))
    monkeypatch.setattr(shutil, "rmtree", deadly(shutil.rmtree, half_removed))
    return lambda: count[0]


class TestReading:
    @pytest.fixture
    def path(self, tmp_path):
        write_folder(tmp_path / "one", FILES)
        return tmp_path / "one"

    @pytest.mark.parametrize("name", [*FILES, MANIFEST])
    @pytest.mark.parametrize("damage", ["flip", "cut", "empty", "remove"])
    def test_one_wrong_byte_anywhere_is_noticed(self, path, name, damage):
        file = path / name
        data = bytearray(file.read_bytes())
        if damage == "flip":
            place = data.index(b"sha256") + 12 if name == MANIFEST else len(data) // 2
            data[place] ^= 1
            file.write_bytes(data)
        elif damage == "remove":
            file.unlink()
        else:
            file.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
        assert read_folder(path) is None

    @pytest.mark.parametrize(
        "manifest",
        ["{}", "[]", "null", "1", '"x"', '{"files": {}}', '{"files": []}', '{"files": 3}', '{"files": ["state.json"]}']
        + ['{"files": {"state.json": {}}}', '{"files": {"state.json": 1}}', '{"files": {"": {"sha256": ""}}}', "\xff"],
    )
    def test_a_manifest_that_says_something_else_is_damage(self, path, manifest):
        (path / MANIFEST).write_bytes(manifest.encode("latin-1"))
        assert read_folder(path) is None

    def test_what_is_not_there_is_none(self, tmp_path):
        assert read_folder(tmp_path / "gone") is None


class TestRemoving:
    def test_it_is_gone(self, tmp_path):
        write_folder(tmp_path / "one", FILES)
        remove_folder(tmp_path / "one")
        assert listing(tmp_path) == []

    def test_a_kill_in_between_leaves_no_half_of_it_under_its_name(self, tmp_path, monkeypatch):
        for step in range(4):
            write_folder(tmp_path / "one", FILES)
            kill_at(monkeypatch, step)
            try:
                remove_folder(tmp_path / "one")
            except Killed:
                assert step < 3
            monkeypatch.undo()
            assert whole(tmp_path / "one") or not (tmp_path / "one").exists()
        remove_unfinished(tmp_path)
        assert listing(tmp_path) == []

    def test_the_rest_of_an_earlier_removal_is_no_obstacle(self, tmp_path):
        write_folder(tmp_path / "one", FILES)
        shutil.copytree(tmp_path / "one", tmp_path / ".unfinished-removed-one")
        remove_folder(tmp_path / "one")
        assert listing(tmp_path) == []

    def test_what_is_gone_already_is_fine(self, tmp_path):
        remove_folder(tmp_path / "gone")
        assert listing(tmp_path) == []

    def test_only_leftovers_are_cleared(self, tmp_path):
        write_folder(tmp_path / "one", FILES)
        (tmp_path / ".unfinished-file").write_text("")
        (tmp_path / ".unfinished-folder" / "deep").mkdir(parents=True)
        (tmp_path / ".hidden").write_text("")
        remove_unfinished(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "one"]
        remove_unfinished(tmp_path / "gone")


def test_a_pipe_is_written_to_and_a_link_stays_one(tmp_path):
    """Also as root, to whom a device's place could be taken."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(tmp_path / "pipe", b"data")
    assert os.read(reader, 9) == b"data"
    os.close(reader)
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    assert listing(tmp_path) == ["file", "link", "pipe"]


def test_what_never_was_is_not_gone_on_with(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "letter.txt").write_text("Dear Mum")
    with pytest.raises(Failed, match="Cannot write") as refused:
        write_folder(tmp_path / "run", {"run.json": b"{}"}, over=False)
    assert "--resume" not in refused.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
