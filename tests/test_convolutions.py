"""scripts/convolutions.py: a row for each kind of convolution, with both ways' errors."""

from tests.scripts import load_script


def test_a_row_for_each_kind(capsys, monkeypatch):
    script = load_script("convolutions")
    monkeypatch.setattr(script, "KINDS", ((4, 8, 8), (8, 4, 16)))
    monkeypatch.setattr(script, "keep_freed_memory", lambda: None)  # of this process, for all tests after
    assert script.main(["--rounds", "1"]) == 0
    _, _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[:3] for row in rows] == [["4", "8", "8"], ["8", "4", "16"]]
    for row in rows:
        errors = [float(error) for error in row.split("|")[2].split()]
        assert len(errors) == 6 and all(0 < error < 1e-6 for error in errors)
