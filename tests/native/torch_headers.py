"""The C++ headers of a released torch, read out of its wheel on PyPI without the 500 MB around them."""

from __future__ import annotations

import io
import os
import platform
import re
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

INDEX = os.environ.get("PTDET_TEST_INDEX", "https://pypi.org/simple")
BLOCK = 1 << 20


class RemoteFile:
    """A file behind a server that answers range requests, read a megabyte at a time."""

    def __init__(self, url: str) -> None:
        self.url, self.at = url, 0
        self.blocks: dict[int, bytes] = {}
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=60) as answer:
            self.size = int(answer.headers["Content-Length"])

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def _block(self, number: int) -> bytes:
        if number not in self.blocks:
            first, last = number * BLOCK, min((number + 1) * BLOCK, self.size) - 1
            request = urllib.request.Request(self.url, headers={"Range": f"bytes={first}-{last}"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                if answer.status != 206:
                    raise OSError(f"{self.url}: no range requests here")
                self.blocks[number] = answer.read()
        return self.blocks[number]

    def read(self, size: int = -1) -> bytes:
        end = self.size if size is None or size < 0 else min(self.at + size, self.size)
        parts = []
        while self.at < end:
            number, offset = divmod(self.at, BLOCK)
            parts.append(self._block(number)[offset : offset + end - self.at])
            self.at += len(parts[-1])
        return b"".join(parts)


def wheel_url(version: str) -> str:
    with urllib.request.urlopen(f"{INDEX}/torch/", timeout=60) as answer:
        page, base = answer.read().decode(), answer.url
    name = rf"torch-{re.escape(version)}-cp3\d+-cp3\d+-manylinux\w*{platform.machine()}\.whl"
    found = re.search(rf'href="([^"]*/{name})[#"]', page)
    if not found:
        raise OSError(f"{INDEX} has no wheel of torch {version} for this machine")
    return urllib.parse.urljoin(base, found.group(1))


def fetch(version: str, into: Path) -> Path:
    """The folder `torch/include` of that release below `into`; kept from one call to the next."""
    include = into / f"torch-{version}/torch/include"
    done = include / ".complete"
    if not done.exists():
        with zipfile.ZipFile(RemoteFile(wheel_url(version))) as wheel:
            headers = [name for name in wheel.namelist() if name.startswith("torch/include/torch/")]
            wheel.extractall(into / f"torch-{version}", headers)
        done.touch()
    return include


if __name__ == "__main__":
    print(fetch("2.11.0", Path(__file__).parents[2] / "build"))
