"""Components by name: what is refused, and when their files are imported."""

import sys

import pytest

import cut.registry
from cut.errors import UserError
from cut.registry import Registry

FILES = {
    "__init__.py": """
from cut.registry import Registry
TOYS = Registry("toy", "toy", "toy_box")
TOYS.declare("toy_box.late", "kite", "yo-yo", label="outdoors")
TOYS.declare("toy_box.empty", "ghost")
""",
    "late.py": """
from toy_box import TOYS
@TOYS.register("kite")
def kite(tail): return f"kite with {tail}"
TOYS.register("yo-yo")(lambda: "yo-yo")
""",
    "empty.py": "",
    "found.py": """
from toy_box import TOYS
@TOYS.register("ball", also=("globe",))
class Ball: pass
""",
    "helper.py": "raise AssertionError('registers nothing, so nobody needs it')",
}


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """A registry whose package is made for the test."""
    (tmp_path / "toy_box").mkdir()
    for name, text in FILES.items():
        (tmp_path / "toy_box" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    import toy_box

    monkeypatch.setattr(cut.registry, "REGISTRIES", (toy_box.TOYS,))
    monkeypatch.setattr(cut.registry, "_discovered", set())
    yield toy_box.TOYS
    for name in [name for name in sys.modules if name.split(".")[0] == "toy_box"]:
        del sys.modules[name]


def test_a_name_is_given_once(toys):
    with pytest.raises(ValueError, match="already a toy named 'ball'"):
        toys.names()
        toys.register("ball")(object)
    with pytest.raises(ValueError, match="already a toy named 'kite'"):
        toys.declare("toy_box.other", "kite")
    with pytest.raises(ValueError, match="already a toy named 'kite'"):
        toys.register("kite")(object)  # it is declared for a file that was not imported yet


def test_files_that_register_something_are_found_and_no_others(toys):
    assert "ball" in toys and toys.names() == ["ball", "ghost", "kite", "yo-yo"]
    assert type(toys.build("ball")).__name__ == "Ball" and "toy_box.helper" not in sys.modules


def test_a_declared_file_is_imported_when_one_of_its_components_is_made(toys):
    assert toys["kite"].label == toys["yo-yo"].label == "outdoors" and "toy_box.late" not in sys.modules
    assert toys.build("yo-yo") == "yo-yo" and "toy_box.late" in sys.modules
    assert toys["kite"].make is not None and toys["kite"].label == "outdoors"


def test_a_declared_component_that_its_file_does_not_register_is_said(toys):
    with pytest.raises(LookupError, match="toy_box.empty does not register 'ghost', which was declared for it"):
        toys.build("ghost")


def test_a_component_gets_what_its_signature_names(toys):
    assert toys.build("kite", tail="ribbons", colour="red") == "kite with ribbons"


def test_other_names_of_a_component(toys):
    assert toys.also() == {"globe": "ball"} and "globe" not in toys


def test_a_miss_names_the_nearest_and_lists_all(toys):
    with pytest.raises(UserError) as error:
        toys["kit"]
    assert str(error.value) == "There is no toy 'kit': did you mean kite? --toy takes ball, ghost, kite, yo-yo."
    with pytest.raises(UserError, match="^There is no toy 'xylophone': --toy takes ball"):
        toys["xylophone"]
    assert toys.get("kit") is None


def test_an_empty_registry_is_no_error(toys):
    assert Registry("game", "game", "toy_box").names() == []
