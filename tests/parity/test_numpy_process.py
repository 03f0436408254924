"""ptdet.numpy in processes of its own: without torch, without its library, forked, with odd settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..contract.test_import import python


def hiding(module: str) -> str:
    """An importer that refuses a module, as an environment without it would."""
    return (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if (name + '.').startswith({module!r} + '.'): raise ModuleNotFoundError(name, name={module!r})\n"
        "sys.meta_path.insert(0, Refuse())\n"
    )


NO_TORCH = hiding("torch")
SCENE = (
    "import numpy as np\n"
    "corner = np.random.default_rng(0).uniform(0, 2000, (40_000, 2))\n"
    "boxes, scores = np.concatenate([corner, corner + 20], 1), np.linspace(0, 1, 40_000)\n"
)
FORKED = (
    "import os, ptdet.numpy\n" + SCENE + "expected = ptdet.numpy.nms(boxes, scores, .5)\n"
    "def child(depth):\n"
    "    pid = os.fork()\n"
    "    if pid == 0:\n"
    "        same = all(np.array_equal(ptdet.numpy.nms(boxes, scores, .5), expected) for _ in range(3))\n"
    "        if depth: same &= child(depth - 1)\n"
    "        os._exit(0 if same else 1)\n"
    "    return os.waitpid(pid, 0)[1] == 0\n"
    "assert child(1) and child(0)\n"
    "assert np.array_equal(ptdet.numpy.nms(boxes, scores, .5), expected)\n"
)


def test_torch_is_not_needed() -> None:
    python(
        NO_TORCH + "import ptdet.numpy, numpy as np\n"
        "assert ptdet.numpy.nms(np.eye(4), np.ones(4), .5).tolist() == [0, 1, 2, 3]\n"
        "assert 'torch' not in sys.modules and ptdet.__version__\n"
    )


def test_info_without_torch() -> None:
    printed = python(NO_TORCH + "from ptdet.cli import main; raise SystemExit(main(['info']))")
    assert "NumPy native" in printed and "without torch" in printed


def test_torch_is_not_imported() -> None:
    python(
        "import ptdet, ptdet.numpy, numpy as np, sys\n"
        "ptdet.numpy.nms(np.eye(4), np.ones(4), .5)\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('torch', 'torchvision')]\n"
    )


def test_without_the_library() -> None:
    python(
        "import importlib\n"
        "try: importlib.import_module('ptdet.numpy')\n"
        "except ImportError as error: assert 'PTDET_DISABLE_NATIVE' in str(error), error\n"
        "else: raise AssertionError\n"
        "import ptdet; assert 'PTDET_DISABLE_NATIVE' in ptdet.build_info()['why_not_numpy']\n",
        PTDET_DISABLE_NATIVE="1",
    )


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc: threads were not counted")
def test_import_starts_no_thread() -> None:
    count = "len(__import__('os').listdir('/proc/self/task'))"
    python(
        f"import numpy; before = {count}\nimport ptdet.numpy; assert {count} == before\n"
        + SCENE
        + f"ptdet.numpy.nms(boxes, scores, .5); assert before < {count} <= before + 3, ({count}, before)\n",
        PTDET_NUM_THREADS="4",
    )


def test_after_a_fork() -> None:
    python(FORKED, PTDET_NUM_THREADS="3")


def test_threads_from_the_environment() -> None:
    python("import ptdet.numpy; assert ptdet.numpy.get_num_threads() == 3", PTDET_NUM_THREADS="3")
    python(
        "import os, ptdet.numpy; assert ptdet.numpy.get_num_threads() == len(os.sched_getaffinity(0))",
        PTDET_NUM_THREADS="",
    )


def test_a_thread_count_that_is_none() -> None:
    for wrong in ("0", "-1", "many", "1.5", "99999999999"):
        python(
            "import warnings\n"
            "with warnings.catch_warnings(record=True) as told:\n"
            "    warnings.simplefilter('always')\n"
            "    import ptdet.numpy\n"
            "assert 'PTDET_NUM_THREADS' in str(told[0].message) and ptdet.numpy.get_num_threads() >= 1\n",
            PTDET_NUM_THREADS=wrong,
        )


def test_a_wrong_instruction_set_is_told_once() -> None:
    """With and without torch, whose library finds the same."""
    caught = (
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    {imports}\n"
        "assert [str(each.message)[:19] for each in told] == [\"PTDET_CPU='avx1024'\"], told\n"
    )
    for imports in ("import ptdet.numpy", "import torch, ptdet.numpy, ptdet.ops.boxes"):
        python((NO_TORCH if "torch" not in imports else "") + caught.format(imports=imports), PTDET_CPU="avx1024")


# seven daemon threads, each in another kernel, none of which has a moment without one
AT_WORK_AT_THE_END = (
    "import threading, time, random, ptdet.numpy as ours\n" + SCENE + "b, s = boxes[:{count}], scores[:{count}]\n"
    "few, head = (b[:500], s[:500]), np.random.default_rng(0).uniform(0, 1, (2, 84, 800))\n"
    "calls = [lambda: ours.nms(b, s, .5), lambda: ours.soft_nms(*few), lambda: ours.box_iou(few[0], few[0]),\n"
    "    lambda: ours.postprocess(head), lambda: ours.merge_nms(b, s, .5), lambda: ours.matrix_nms(*few),\n"
    "    lambda: ours.weighted_boxes_fusion([few[0]], [few[1]], [np.zeros(500)])]\n"
    "def work(call):\n"
    "    while True: call()\n"
    "for call in calls: threading.Thread(target=work, args=(call,), daemon=True).start()\n"
    "time.sleep(.03 + random.random() * .03)\n"
)


@pytest.mark.slow
def test_threads_at_work_when_the_interpreter_ends() -> None:
    """Each of these runs aborted where the lock was taken back in a destructor that may not throw."""
    for run in range(24):
        python(AT_WORK_AT_THE_END.format(count=(20_000, 1_000)[run % 2]), PTDET_NUM_THREADS="3")


def test_import_is_light() -> None:
    """What takes time is other packages: beside NumPy and ptdet's own files it loads the standard library alone."""
    python(
        "import sys, numpy; before = set(sys.modules)\n"
        "import ptdet.numpy\n"
        "loaded = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "assert loaded <= {'ptdet', 'numpy', *sys.stdlib_module_names}, loaded\n"
    )
