# The commands for users and developers; the work is done in tools/.
PORT ?= 2020
CUDA ?=
SERVE ?=

.PHONY: run build models test test-long test-real chaos bench lint format clean

run: build
	@exec tools/serve --port $(PORT) $(SERVE)

build:
	@tools/setup run
	@tools/build release programs
	@$(if $(CUDA),tools/cuda_engine)
	@tools/page

models:
	@tools/models/run

test:
	@tools/test

test-long:
	@tools/test long

test-real:
	@tools/test_real/run

chaos:
	@tools/test chaos

bench:
	@tools/setup bench
	@tools/build release programs bench
	@bench/run

lint:
	@tools/setup lint
	@tools/lint

format:
	@git ls-files --cached --others --exclude-standard '*.cpp' '*.h' | xargs clang-format-19 -i

clean:
	rm -rf build web/dist
