# make serve      set up, prepare the default collection, serve on http://0.0.0.0:8000
# make test-fast  set up, then tests/unit: no other process, no server
# make test       set up, then all tests: commands, servers and a browser too
# make check      ruff, mypy, import-linter
# make docs       generate docs/cli.md and docs/settings.md
# make drawings   draw static/details.svg: the line drawings of attributes and values
# make soak       the long tests: a crash at each line, kills, more cases of each property, ordinary images through every
#                 door, memory, ten minutes of load while things break

PYTHON ?= python3
unexport PYTHONDONTWRITEBYTECODE  # each process of the tests would compile the whole program again
VENV := .venv
BIN := $(VENV)/bin

# The drawing library wants two libraries of the system that a server without a screen may lack.
DRAWING_LIBRARIES = { [ $$(id -u) = 0 ] && apt-get update -q && apt-get install -qy libegl1 libgl1; } || \
	{ echo "Please run: sudo apt-get install libegl1 libgl1"; exit 1; }

.PHONY: serve test-fast test check docs drawings soak clean

serve: $(VENV)/.installed
	$(BIN)/gunicorn wsgi:app

# Folders in their order: the many small files of tests/unit come last, and fill all workers to the end.
PYTEST = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.installed-dev
	$(PYTEST) -n 2 tests/unit

test: $(VENV)/.installed-dev
	$(BIN)/python -m tests.support.browser
	$(PYTEST) -n 3  # on two cores too: some tests wait for servers

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.installed
	$(BIN)/python -m docs.generate

drawings: $(VENV)/.installed
	$(BIN)/python -m wardrobe.line_drawings static/details.svg

soak: $(VENV)/.installed-dev
	TEST_KILLS=200 TEST_ORDINARY=all $(PYTEST) -n 2 -m soak --hypothesis-profile soak
	$(BIN)/python -m tests.soak.memory
	$(BIN)/python -m tests.soak.load --minutes 10

$(VENV)/.installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install -r requirements.txt
	$(BIN)/python -m pip install --no-deps --editable .
	@$(BIN)/python -c "import skia" || $(DRAWING_LIBRARIES)
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-milvus.txt
	$(BIN)/python -m pip install -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
