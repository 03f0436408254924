"""What is public: all of it is there after `import ptdet` alone, and editors are told the same names."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import ptdet

from .test_import import ROOT, python


def test_all_of_it_is_there_after_import_ptdet() -> None:
    python(
        "import ptdet; assert set(dir(ptdet)) == set(ptdet.__all__)\n"
        "for name in dir(ptdet): getattr(ptdet, name)\n"
        "ptdet.onnx.export, ptdet.integrations.torchvision.install, ptdet.numpy.nms, ptdet.compat, ptdet.nn.NMS"
    )


def test_the_stub_has_the_same_names() -> None:
    stub = ast.parse((ROOT / "ptdet/__init__.pyi").read_text(encoding="utf-8"))
    told = {}
    for node in stub.body:
        if isinstance(node, ast.ImportFrom):
            if node.names[0].name == "*":  # exports what the module's __all__ has
                told |= dict.fromkeys(import_module(f"ptdet.{node.module}").__all__, str(node.module))
                continue
            for alias in node.names:
                assert alias.asname == alias.name, "only `as` makes a name of a stub public"
                told[alias.name] = node.module or alias.name
    assert told == ptdet._HOMES
    assert sorted([*told, "__version__"]) == ptdet.__all__


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ptdet.nonsense
    with pytest.raises(AttributeError, match="no attribute 'yolov3'"):
        _ = ptdet.integrations.yolov3


def test_every_public_function_has_a_docstring_with_its_errors() -> None:
    for name in ptdet.__all__:
        value = getattr(ptdet, name)
        assert name == "__version__" or value.__doc__, name


MODULES = [*ptdet._MODULES, *(f"integrations.{name}" for name in ptdet.integrations.__all__)]


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_says_what_of_it_is_public(name: str) -> None:
    module = import_module(f"ptdet.{name}")
    assert module.__doc__ and module.__all__
    for public in module.__all__:
        value = getattr(module, public)
        assert value.__doc__ or not callable(value), public


@pytest.mark.parametrize("name", ptdet.integrations.__all__)
def test_the_names_of_a_package_are_told_in_the_page_on_switching(name: str) -> None:
    page = (ROOT / "docs/switching.md").read_text(encoding="utf-8")
    for public in import_module(f"ptdet.integrations.{name}").__all__:
        assert re.search(rf"\b{public}\b", page), public


@pytest.mark.parametrize(
    "page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in Path(ROOT / "docs").glob("*.md"))]
)
def test_pages_name_only_what_is_there(page: str) -> None:
    for dotted in re.findall(r"`ptdet\.([a-z_]+(?:\.[a-z_]+)*)", (ROOT / page).read_text(encoding="utf-8")):
        value: object = ptdet
        for part in dotted.split("."):
            assert hasattr(value, part), f"{page}: ptdet.{dotted}"
            value = getattr(value, part)
