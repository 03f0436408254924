"""The files of the page, and one page made of them all."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

PAGE = Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
}
IMPORT = re.compile(r'^import (\{[^}]+\}) from "\./(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?(?:const|class|function) (\w+))", re.MULTILINE)
IN_A_REPORT = re.compile(r'<link [^>]*>\n|<script type="module"[^>]*></script>')


def page_files() -> dict[str, Path]:
    """By the name under which the page asks for it. Nothing else of the folder is served."""
    return {file.name: file for file in PAGE.iterdir() if file.suffix in TYPES}


def modules_as_one(start: str = "main") -> str:
    """A module and all that it imports, as one script: a page from disk may load none."""
    done: dict[str, str] = {}

    def add(name: str) -> None:
        if name in done:
            return
        text = (PAGE / f"{name}.js").read_text(encoding="utf-8")
        for _, needed in IMPORT.findall(text):
            add(needed)
        names = ", ".join(found for _, found in EXPORT.findall(text))
        body = EXPORT.sub(r"\1", IMPORT.sub(r"const \1 = of_\2;\n", text))
        done[name] = f"const of_{name} = await (async () => {{\n{body}return {{ {names} }};\n}})();\n"

    add(start)
    return "".join(done.values())


def one_page() -> tuple[str, str]:
    """The page with its style, script and kernels inside: what stands before and after its data."""
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    style, script = (PAGE / "style.css").read_text(encoding="utf-8"), modules_as_one()
    policy = (
        f"default-src 'none'; img-src blob: data:; style-src {_digest(style)}; "
        f"script-src {_digest(script)} 'wasm-unsafe-eval'; base-uri 'none'; form-action 'none'"
    )
    html = IN_A_REPORT.sub("", html)
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>\n</head>'
    before, after = html.replace("</head>", head, 1).split("</body>")
    kernels = base64.b64encode((PAGE / "ptdet.wasm").read_bytes()).decode()
    return before + block("wasm", kernels), f'<script type="module">{script}</script>\n</body>{after}'


def block(name: str, text: str) -> str:
    """Data within the page, which the page reads by its id and no browser runs; a text without `<`."""
    return f'<script type="text/plain" id="{name}">{text}</script>\n'


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
