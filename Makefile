# make demo      environment, build, the main job on real detections: a picture and a table in demo_out/
# make test      environment, build (of CUDA only where a GPU is, or by USE_CUDA=1), the fast tests of everything
# make test-all  build (of CUDA where nvcc is), the tests that make test left out, parity on stand-ins of other machines
# make fuzz      10,000 plain and 2,000 strange cases against torchvision and the reference; 2,000 sets of rotated boxes
# make lint      ruff, mypy, clang-format where it is installed; make format mends what they can
# make bench     timings beside the peers (make peers installs them), and the tables made of them
# make wasm      the kernels for the page of `ptdet explore`, by zig's clang from PyPI
# make gpu       all that only a GPU can show, in 330 seconds, no network; make gpu ARGS=--dry-run shows the stages
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
# A torch that is there already (the system's, or a GPU image's) is used as it is.
SITE := $(shell $(PYTHON) -c "import torch; assert tuple(map(int, torch.__version__.split('.')[:2])) >= (2, 11)" 2>/dev/null && echo --system-site-packages)

# For this machine: of CUDA only where a GPU is, or by USE_CUDA=1.
FOR_HERE := USE_CUDA=$(or $(USE_CUDA),$(if $(shell nvidia-smi -L 2>/dev/null),,0))

.PHONY: demo test test-build test-all lint format fuzz bench peers gpu wasm build build-here clean

demo: $(VENV)/demo.ok build-here $(BIN)/ptdet
	$(BIN)/python -m benchmarks.demo

build-here:
	@$(FOR_HERE) $(BIN)/python setup.py -q build_native

# So that there is a command, and `import ptdet` works from any folder.
$(BIN)/ptdet: | $(VENV)/demo.ok build-here
	@$(FOR_HERE) $(BIN)/pip install -q --no-deps --no-build-isolation -e .

test: test-build
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --junit-xml build/test.xml

# The emulated kernels, too: here all cores compile, where a test would keep the others waiting.
test-build: $(VENV)/test.ok
	@$(MAKE) -s build-here
	@$(BIN)/python -m tests.cuda_emulator.torch_room

test-all: $(VENV)/test.ok $(VENV)/ray.ok build
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m slow
	$(BIN)/python -m tests.tools.stand_ins --workers $(WORKERS)
	@$(BIN)/python -m tests.tools.slowest build/test.xml

CXX_FILES = $(shell git ls-files -co --exclude-standard csrc tests | grep -E '\.(h|cpp|inc|cu)$$')
CLANG_FORMAT := $(firstword $(wildcard $(BIN)/clang-format) $(shell command -v clang-format))

lint: $(VENV)/test.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(if $(CLANG_FORMAT),$(CLANG_FORMAT) --dry-run -Werror $(CXX_FILES),@echo "clang-format is not installed: C++ was not checked")

format: $(VENV)/test.ok
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(CLANG_FORMAT),$(CLANG_FORMAT) -i $(CXX_FILES))

fuzz: $(VENV)/test.ok build
	$(BIN)/python -m tests.fuzz --cases 10000 --out benchmarks/results/fuzz.json
	$(BIN)/python -m tests.rotated_campaign --sets 2000

bench: $(VENV)/test.ok build
	$(BIN)/python -m benchmarks --save benchmarks/results/cpu.json
	-$(BIN)/python -m benchmarks.coco_ap
	$(BIN)/python -m benchmarks.readme

# One by one: a peer that does not install here stops none of the others.
peers: $(VENV)/test.ok
	@sed 's/ *#.*//; /^$$/d' benchmarks/requirements.txt | while read peer; do \
	  $(BIN)/pip install -q "$$peer" || echo "$$peer does not install here: left out"; done

gpu:
	@$(PYTHON) -m benchmarks.gpu $(ARGS)

wasm: $(VENV)/test.ok
	@$(BIN)/python -m tests.tools.wasm

build:
	@$(BIN)/python setup.py -q build_native

$(VENV)/bin/python:
	$(PYTHON) -m venv $(SITE) $(VENV)

$(VENV)/demo.ok: requirements-demo.txt | $(VENV)/bin/python
	@echo "Once: torch and what it needs from PyPI (some 3 GB, a minute or more; a torch >= 2.11 that is there is used), then a build of one to two minutes."
	$(BIN)/pip install -q -r requirements-demo.txt
	@touch $@

$(VENV)/test.ok: requirements-test.txt requirements-demo.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -r requirements-test.txt
	@touch $@

# 600 MB; where it does not install the tests of it are left out, and say so
$(VENV)/ray.ok: requirements-ray.txt $(VENV)/test.ok
	-$(BIN)/pip install -q -r requirements-ray.txt
	@touch $@

clean:
	rm -rf build ptdet/_C.so ptdet/_C_cuda.so ptdet/_build.json demo_out
