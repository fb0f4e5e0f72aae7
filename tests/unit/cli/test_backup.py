"""``smsgw backup`` on a site whose gateway does not run."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.unit.cli.conftest import WHY, Run, done, refused, shown


def test_a_site_that_lost_its_store(smsgw: Run, site: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy"
    done(smsgw("optout", "add", "13800138000", *WHY))
    said = done(smsgw("backup", "export", str(file)))
    assert said.endswith(f"keep {site / 'state' / 'secrets.toml'} as well, apart from it: "
                         "nobody can read the backup without it\n")  # fmt: skip
    assert "is there already" in refused(smsgw("backup", "export", str(file)))
    assert shown(smsgw("backup", "show", str(file), "--json"))["counts"]["recipients"] == 1

    shutil.rmtree(site / "state" / "redis")
    assert "would be taken" in done(smsgw("backup", "import", str(file), "--dry-run", *WHY))
    assert shown(smsgw("optout", "show", "13800138000", "--json"))["facts"] == []
    assert shown(smsgw("backup", "import", str(file), "--json", *WHY))["taken"]["recipients"] == 1
    assert len(shown(smsgw("optout", "show", "13800138000", "--json"))["facts"]) == 1

    secrets = site / "state" / "secrets.toml"
    secrets.unlink()
    for command in (("import", str(file), *WHY), ("show", str(file))):
        why = refused(smsgw("backup", *command))
        assert why.startswith(f"smsgw: {secrets}: is not there; put back the file of secrets")
    assert not secrets.exists()


def test_a_file_that_is_no_backup(smsgw: Run, site: Path, tmp_path: Path) -> None:
    done(smsgw("tier", "show", "13800138000"))
    file = tmp_path / "copy"
    file.write_text("number,tier\n")
    assert refused(smsgw("backup", "show", str(file))).startswith(f"smsgw: {file}: is no backup of smsgw")
