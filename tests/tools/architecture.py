"""Draws docs/architecture.svg from the code: `python -m tests.tools.architecture`. A test compares it with the code."""

from __future__ import annotations

from pathlib import Path

from .import_graph import (
    ROOT,
    arrows_between_rooms,
    cpp_includes,
    python_imports,
    room_of_module,
    room_of_source,
)

PICTURE = ROOT / "docs/architecture.svg"
# From the top down: a room uses rooms below it only, or beside it where the arrow is drawn.
PYTHON = (
    ("cli", "integrations", "tuning", "ray"),
    ("nn", "onnx", "yolo", "rotated", "info", "explorer"),
    ("ops", "testing", "evaluation", "dataset"),
    ("_library", "numpy", "io"),
    ("reference", "_shared", "compat"),
)
CPP = (("torch", "numpy", "wasm"), ("runtime", "cpu", "cuda"), ("api",), ("math",))
ROLES = {
    "cli": "the command ptdet",
    "integrations": "peers' names, patch()",
    "ray": "ptdet run on Ray",
    "tuning": "which method, which threshold",
    "nn": "torch.nn modules",
    "onnx": "export",
    "yolo": "heads to detections",
    "rotated": "rotated boxes",
    "info": "what is native here",
    "explorer": "the page in the browser",
    "ops": "what people call",
    "testing": "box sets, catalog",
    "dataset": "ptdet run at scale",
    "evaluation": "COCO's numbers of detections",
    "_library": "operators, checks, gradients",
    "numpy": "the same for arrays, no torch",
    "io": "reads detections",
    "reference": "the formulas in torch",
    "_shared": "tables, build record",
    "compat": "peers' habits",
    "csrc/torch": "torch operators",
    "csrc/numpy": "NumPy module",
    "csrc/wasm": "for the browser",
    "csrc/runtime": "threads, memory, names",
    "csrc/cpu": "CPU kernels",
    "csrc/cuda": "CUDA kernels",
    "csrc/api": "every kernel's signature",
    "csrc/math": "the formulas that decide",
}
WIDTH, HEIGHT, ACROSS, DOWN = 190, 52, 225, 104


def places() -> dict[str, tuple[int, int]]:
    """Where the upper left corner of each room is drawn."""
    found = {}
    for rooms, prefix, left in ((PYTHON, "", 20), (CPP, "csrc/", 20 + 4 * ACROSS + 40)):
        for floor, row in enumerate(rooms):
            for at, room in enumerate(row):
                found[prefix + room] = (left + at * ACROSS, 50 + floor * DOWN)
    return found


def arrows() -> list[tuple[str, str, int]]:
    python = arrows_between_rooms(python_imports(), room_of_module)
    cpp = arrows_between_rooms(cpp_includes(), room_of_source)
    drawn = [(a, b, n) for (a, b), n in python.items() if "ptdet" not in (a, b) and "__main__" not in (a, b)]
    drawn += [(f"csrc/{a}", f"csrc/{b}", n) for (a, b), n in cpp.items()]
    # what no import shows: the operators and the module are loaded
    drawn += [("_library", "csrc/torch", 0), ("numpy", "csrc/numpy", 0)]
    return sorted(drawn)


def svg() -> str:
    at = places()
    width = max(x for x, _ in at.values()) + WIDTH + 20
    height = max(y for _, y in at.values()) + HEIGHT + 30
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#64748b"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        '<text x="20" y="28" font-size="16" fill="#0f172a">ptdet/ (Python)</text>',
        f'<text x="{60 + 4 * ACROSS}" y="28" font-size="16" fill="#0f172a">csrc/ (C++ and CUDA)</text>',
    ]
    for a, b, count in arrows():
        (x1, y1), (x2, y2) = at[a], at[b]
        start, end = (x1 + WIDTH / 2, y1 + HEIGHT), (x2 + WIDTH / 2, y2)
        if y1 == y2:
            left_to_right = x1 < x2
            start = (x1 + (WIDTH if left_to_right else 0), y1 + HEIGHT / 2)
            end = (x2 + (0 if left_to_right else WIDTH), y2 + HEIGHT / 2)
        elif count == 0:
            start, end = (x1 + WIDTH, y1 + HEIGHT / 2), (x2, y2 + HEIGHT / 2)
        dash = ' stroke-dasharray="5 4"' if count == 0 else ""
        out.append(
            f'<line x1="{start[0]:.0f}" y1="{start[1]:.0f}" x2="{end[0]:.0f}" y2="{end[1]:.0f}" stroke="#94a3b8" '
            f'stroke-width="1.3" marker-end="url(#tip)"{dash}/>'
        )
    for room, (x, y) in at.items():
        python = not room.startswith("csrc/")
        fill = "#eff6ff" if python else "#f0fdf4"
        out += [
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="7" fill="{fill}" stroke="#334155"/>',
            f'<text x="{x + 10}" y="{y + 21}" font-size="14" font-weight="bold" fill="#0f172a">{room}</text>',
            f'<text x="{x + 10}" y="{y + 40}" font-size="12" fill="#334155">{ROLES[room]}</text>',
        ]
    return "\n".join([*out, "</svg>"]) + "\n"


def main(path: Path = PICTURE) -> None:
    path.write_text(svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
