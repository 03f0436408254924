"""The local server of `ptdet explore`: what it gives, and everything that it refuses."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ptdet import cli
from ptdet.explorer import Server

from ..conftest import ROOT
from .scenes import DATA, boxes, save, served, unpacked

PICTURE = DATA / "images/000000000885.jpg"
NOT_GIVEN = {
    "led_out": "a link that leads out", "zero": "a link that leads out", "loop": "no file", "folder": "no file",
    "pipe": "no file",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    images = folder / "images"
    images.mkdir()
    (folder / "secret.jpg").write_bytes(b"not to be given")
    for name in ("seen", "missing", "led_in", *NOT_GIVEN):
        save(folder / f"{name}.npz", boxes(20, 1))
    paths = (
        *("../secret", str(folder / "secret"), "sub/secret", "sub/../../secret", "..%2fsecret", "..\\secret"),
        "in/seen",
    )
    results = [{"image_id": path, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5} for path in paths]
    (folder / "paths.json").write_text(json.dumps(results))
    (images / "seen.jpg").write_bytes(PICTURE.read_bytes())
    (images / "led_out.jpg").symlink_to(folder / "secret.jpg")
    (images / "led_in.jpg").symlink_to(images / "seen.jpg")
    (images / "loop.jpg").symlink_to("loop.jpg")
    (images / "zero.jpg").symlink_to("/dev/zero")
    (images / "folder.jpg").mkdir()
    os.mkfifo(images / "pipe.jpg")
    (images / "sub").symlink_to(folder)
    (images / "in").symlink_to(images)
    (folder / "up_broken.npz").write_bytes(b"no zip")
    with served(folder, "--images", images) as running:
        yield running


def ask(
    server: Server, path: str, method: str = "GET", host: str | None = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host is not None:
        connection.putheader("Host", host or f"127.0.0.1:{server.port}")
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


def test_the_page_and_its_data(server: Server) -> None:
    root = f"/{server.token}/"
    status, headers, content = ask(server, root)
    assert status == 200 and content.startswith(b"<!doctype html>") and headers["Content-Type"].startswith("text/html")
    assert ask(server, f"{root}ptdet.wasm")[1]["Content-Type"] == "application/wasm"
    assert json.loads(ask(server, f"{root}start")[2])["settings"]["method"] == "hard"
    listed = json.loads(ask(server, f"{root}pictures/0")[2])
    assert len(listed["rows"]) == 15 and listed["read"] == listed["files"] == 10
    assert len(listed["problems"]) == 1 and "up_broken.npz" in listed["problems"][0]
    assert json.loads(ask(server, f"{root}pictures/3")[2])["rows"] == listed["rows"][3:]
    assert ask(server, root, host=f"localhost:{server.port}")[0] == 200


def test_every_answer_is_guarded(server: Server) -> None:
    for path in (f"/{server.token}/", "/", f"/{server.token}/none"):
        _, headers, _ = ask(server, path)
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'self'" and "unsafe-inline" not in str(policy)
        assert policy["script-src"] == "'self' 'wasm-unsafe-eval'" and policy["frame-ancestors"] == "'none'"
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store" and headers["X-Frame-Options"] == "DENY"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("token", ["", "x", "pictures", "A" * 32, "%00"])
def test_without_the_token_nothing_is_given(server: Server, token: str) -> None:
    for path in (f"/{token}", f"/{token}/", f"/{token}/index.html", f"/{token}/pictures/0"):
        status, _, content = ask(server, path)
        assert status == 403 and b"html" not in content


@pytest.mark.parametrize(
    "line",
    [b"GET /\xff\xfe/ HTTP/1.1", b"GET * HTTP/1.1", b"GET", b"GET / HTTP/9", b"\x16\x03\x01", b"GET " + b"a" * 70000],
)
def test_what_is_no_request_gets_no_more_than_a_refusal(server: Server, line: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(line + f"\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        got = connection.recv(65536)
    assert re.search(rb"^(HTTP/1.1 4\d\d |HTTP/1.1 505 |Bad Request)", got) and b"html" not in got
    assert ask(server, f"/{server.token}/")[0] == 200


def test_a_page_of_elsewhere_is_refused(server: Server) -> None:
    root = f"/{server.token}/"
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1", f"127.0.0.1:{server.port + 1}", None):
        assert ask(server, root, host=host)[0] == 421
    assert ask(server, root, Host=f"127.0.0.1:{server.port}")[0] == 421  # said twice
    for site in ("cross-site", "same-site"):
        assert ask(server, root, Sec_Fetch_Site=site)[0] == 403
        assert ask(server, root, Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe")[0] == 403
        assert ask(server, root, Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")[0] == 200
    assert ask(server, root, Sec_Fetch_Site="same-origin")[0] == 200
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{server.port + 1}"):
        assert ask(server, root, Origin=origin)[0] == 403
    assert ask(server, root, Origin=f"http://127.0.0.1:{server.port}")[0] == 200


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "X"])
def test_only_get_is_answered(server: Server, method: str) -> None:
    assert ask(server, f"/{server.token}/", method)[0] == 405


@pytest.mark.parametrize(
    "path",
    [
        "../server.py", "%2e%2e/server.py", "../../../../etc/passwd", "page/index.html", "/etc/passwd", "__init__.py",
        "ptdet.wasm.json", "images/", "image", "image/", "image/-1", "image/99", "image/0/..", "image/../secret.jpg",
        "payload/99", "payload/x", "pictures", "pictures/1e3", "index.html/", "index.html%00", "payload/1234567890",
    ],
)  # fmt: skip
def test_there_is_no_other_path(server: Server, path: str) -> None:
    status, _, content = ask(server, f"/{server.token}/{path}")
    assert status == 404 and content == b"Not Found\n"


def test_pictures_come_from_their_folder_alone(server: Server) -> None:
    """Nor is a report given what a link leads to: it is passed on."""
    listed = json.loads(ask(server, f"/{server.token}/pictures/0")[2])["rows"]
    given = set()
    for number, row in enumerate(listed):
        shown = unpacked(ask(server, f"/{server.token}/payload/{number}")[2])
        status, _, content = ask(server, f"/{server.token}/image/{number}")
        assert shown["image"] == (status == 200) == (server._http.serves.library.image(number) is not None)
        if status == 200:
            assert content == PICTURE.read_bytes()
            given.add(row["name"])
        else:
            assert any(NOT_GIVEN.get(row["name"], "") in note for note in shown["notes"])
    assert given == {"seen", "led_in", "in/seen"} and len(listed) == 15


def test_a_link_that_is_changed_meanwhile_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    picture = tmp_path / "images/a.jpg"
    picture.write_bytes(PICTURE.read_bytes())
    (tmp_path / "secret.jpg").write_bytes(b"not to be given")
    with served(save(tmp_path / "a.npz", boxes(10, 1)), "--images", tmp_path / "images") as running:
        assert ask(running, f"/{running.token}/image/0")[0] == 200
        picture.unlink()
        assert ask(running, f"/{running.token}/image/0")[0] == 404
        picture.symlink_to(tmp_path / "secret.jpg")
        assert ask(running, f"/{running.token}/image/0")[0] == 404


def test_a_file_that_has_gone_or_is_another_is_told(tmp_path: Path) -> None:
    file = save(tmp_path / "a.npz", boxes(10, 1))
    with served(tmp_path) as running:

        def again() -> tuple[int, bytes]:
            running._http.serves.library._payloads.clear()
            status, _, content = ask(running, f"/{running.token}/payload/0")
            return status, content

        assert again()[0] == 200
        np.savez(file, boxes=np.ones((2, 5, 4)), scores=np.ones((2, 5)))
        assert again() == (404, f"{file} has changed since it was listed\n".encode())
        file.unlink()
        assert again()[0] == 404 and b"no such file" in again()[1]


def test_clients_that_leave_or_say_nothing_are_borne(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """A browser leaves when another picture is chosen; a hundred silent ones keep nobody waiting."""
    home = "127.0.0.1", server.port
    asked = f"GET /{server.token}/ptdet.wasm HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    for _ in range(4):
        with socket.create_connection(home, 10) as leaving:
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes by a reset
            leaving.sendall(asked * 20)
            leaving.recv(10)
    with contextlib.ExitStack() as stack:
        begun = time.monotonic()
        for _ in range(100):
            stack.enter_context(socket.create_connection(home, 10)).sendall(b"GET /")
        assert ask(server, f"/{server.token}/")[0] == 200
        assert time.monotonic() - begun < 5
    assert capfd.readouterr().err == ""


def test_it_listens_to_this_machine_alone(server: Server) -> None:
    assert server._http.server_address[0] == "127.0.0.1"
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        with socket.socket() as asking, pytest.raises(OSError):
            asking.settimeout(5)
            asking.connect((address, server.port))


def test_tokens_differ_and_are_long(tmp_path: Path) -> None:
    save(tmp_path / "a.npz", boxes(10, 1))
    tokens = set()
    for _ in range(3):
        with served(tmp_path) as running:
            tokens.add(running.token)
    assert len(tokens) == 3 and min(map(len, tokens)) >= 32


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    save(tmp_path / "a.npz", boxes(10, 1))
    command = [sys.executable, "-m", "ptdet", "explore", str(tmp_path), "--no-browser"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        address = running.stdout.readline().strip()
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert answer.status == 200
        running.send_signal(signal.SIGINT)
        told = running.communicate(timeout=20)
    assert running.returncode == 0 and told[1] == ""
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = save(tmp_path / "a.npz", boxes(10, 1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["explore", str(file), "--no-browser", "--port", str(port)]) == 2
    assert f"--port {port} cannot be had" in capsys.readouterr().err
    assert cli.main(["explore", str(tmp_path / "none.npz"), "--no-browser"]) == 2
    assert "none.npz there is no such file" in capsys.readouterr().err
    assert cli.main(["explore", str(file), "--no-browser", "--images", str(tmp_path / "none")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
