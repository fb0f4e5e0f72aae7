"""Wrong words on the application's command line: one line that names the option, or the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.esme import options


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("load --count 1 --coding 999", "--coding: '999' is not 0 to 255"),
        ("load --count 1 --rd 256", "--rd: '256' is not 0 to 255"),
        ("load --count 1 --priority -1", "--priority: '-1' is not 0 to 255"),
        ("send --to 1 --protocol 300 hi", "--protocol: '300' is not 0 to 255"),
        ("load --count 1 --rate nan", "--rate: 'nan' is no rate"),
        ("load --count 1 --rate inf", "--rate: 'inf' is no rate"),
        ("load --count 1 --rate=-5/s", "--rate: '-5/s' is no rate"),
        ("send --port 65536 --to 1 hi", "--port: '65536'"),
    ],
)
def test_what_fits_no_field_is_told(words: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parser().parse_args(words.split())
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--text-file", "--to-file"])
def test_a_file_in_another_coding_is_named(tmp_path: Path, option: str) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes("退订".encode("gb18030"))
    arguments = options.parser().parse_args(["load", "--count", "1", option, str(file)])
    with pytest.raises(ValueError, match=r"words\.txt: is not UTF-8 \(octet 0\)"):
        options.load_settings(arguments)
