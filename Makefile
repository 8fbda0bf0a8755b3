# Every target does its own set-up in .venv. Nothing is needed but Python 3.11 or newer, make and a package registry.
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: install demo test test-faults test-faults-long checkpointing check tables golden clean mnist fashion \
	test-parity catalogue audit-exports rivals fuzz bench bench-engines bench-input bench-memory bench-mnist bench-training \
	bench-folder bench-gpu bench-losses

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable ".[dev]"
	touch $@

# The 1998 LeNet-5 on real handwritten digits: trained, measured, used, reported.
demo: $(VENV)/.installed
	$(BIN)/python examples/digits.py

# One thread for each of the two test processes, so that they do not fight for the cores.
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

# Kills, power cuts, full disks, flipped bits, lost numbers, lost ranks: 6 minutes. The long form takes 35 minutes on
# two cores and writes results/faults_*.json; a part of it adds its counts to that file: PART=tests/faults/test_bit_flips.py.
test-faults: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal tests/faults

test-faults-long: $(VENV)/.installed-dev
	LENEXT_FAULTS=long OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(or $(PART),tests/faults)

# What a checkpoint every minute costs, and how soon a run on 100,000 images is back.
checkpointing: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/checkpointing.py

# Our networks against torchvision's and timm's, weight for weight. Both without what they require: torchvision asks for
# a torch of several gigabytes, and what the networks need of either is pure Python.
PARITY := .venv-parity

$(PARITY)/.installed: pyproject.toml constraints.txt
	python3 -m venv $(PARITY)
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . \
		pytest pytest-xdist keras h5py
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps torchvision==0.29.2 timm==1.0.31
	touch $@

test-parity: $(PARITY)/.installed
	OMP_NUM_THREADS=1 $(PARITY)/bin/python -m pytest -n 2 parity

# The table of published weights, from what the two libraries say of theirs; RESULTS: timm's results-imagenet.csv.
catalogue: $(PARITY)/.installed
	$(PARITY)/bin/python parity/catalogue.py $(RESULTS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The table of parameters and multiply-adds that `lenext models` prints without loading torch.
tables: $(VENV)/.installed
	$(BIN)/python -m lenext.models.table > line.json
	mv line.json src/lenext/models/line.json

# The first steps of every recipe, which the tests hold: after a change that is meant.
golden: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/python tests/golden/curves.py

# LeNet-5 on MNIST by our recipe, the paper's (three seeds) and its one with distortions; DATA: where the idx files lie.
# The paper's take 15 to 30 minutes each on one core; they are kept in runs/, and go on where they were stopped.
TRAINED := $(BIN)/python benchmarks/training.py
mnist: $(VENV)/.installed
	$(TRAINED) mnist lenet5 --name mnist-lenet5 $(if $(DATA),--data-root $(DATA))
	$(TRAINED) mnist lenet5 --name mnist-lenet5-paper --train="--recipe paper --validation 0" --seeds 0 1 2 \
		--runs runs $(if $(DATA),--data-root $(DATA))
	$(TRAINED) mnist lenet5 --name mnist-lenet5-distortions --train="--recipe paper:distortions --validation 0" \
		--runs runs $(if $(DATA),--data-root $(DATA))

# ResNet-20 and its plain twin on Fashion-MNIST at its own 28 pixels, the paper's recipe cut to twenty passes: nine to
# fifteen minutes each on two quiet cores.
fashion: $(VENV)/.installed
	for model in resnet20_cifar plain20_cifar; do $(TRAINED) fashion-mnist $$model --name fashion-mnist-$$model \
		--train="--recipe paper --epochs 20 --image-size 28 --precision bf16 --validation 0" || exit; done

# Mutated pictures through the decoder, in processes that may not crash, tarry or grow; resumable: INPUTS=1000000.
fuzz: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/fuzz.py --workers $(or $(WORKERS),2) --inputs $(or $(INPUTS),100000)

# All networks, exported to ONNX by both of torch's exporters and recognised by the audit; hours, and resumable.
audit-exports: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/audit_exports.py

# fastai, Ultralytics and timm, without what they require of torch and GPUs: see benchmarks/rival_tools/trial.py.
RIVALS := .venv-rivals

$(RIVALS)/.installed: benchmarks/rival_tools/requirements.txt benchmarks/rival_tools/rivals.txt
	python3 -m venv $(RIVALS)
	$(RIVALS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/rival_tools/requirements.txt
	$(RIVALS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement benchmarks/rival_tools/rivals.txt
	touch $@

# lenext against them on the same folder in the same minutes; about half an hour, resumable: RIVAL="--only timm --seeds 1".
rivals: $(VENV)/.installed $(RIVALS)/.installed
	$(BIN)/python benchmarks/rivals.py $(RIVAL)

# Speed, on THREADS threads (one is measured by CPU time, at any load); RIVALS_OF_BENCH: see lenext bench --help.
THREADS := $(shell nproc)
RIVALS_OF_BENCH := torchvision,timm
BENCH := OMP_NUM_THREADS=$(THREADS) $(PARITY)/bin/python
bench: $(PARITY)/.installed
	$(BENCH) -m lenext bench --threads $(THREADS) --against $(RIVALS_OF_BENCH) --out results/bench_$(THREADS)-threads.json

# The engine that --engine auto takes against torch eager and compiled, ONNX Runtime and OpenVINO in the same precision,
# one network of each family, images one by one and in batches: 40 minutes, most of which torch compiles.
MACHINE := $(shell uname -m)-$(THREADS)-threads
ENGINES := $(BENCH) -m lenext bench --engine auto --threads $(THREADS) --rounds 5
bench-engines: $(PARITY)/.installed
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable ".[onnx,openvino]"
	$(ENGINES) --precision bf16 --against eager,compile,openvino --out results/bench-engines_$(MACHINE).json
	$(ENGINES) --precision fp32 --against eager,compile,onnxruntime,openvino --out results/bench-engines-fp32_$(MACHINE).json

# Files to batches on one core against PIL + torchvision v2, with the difference of the pixels.
bench-input: $(PARITY)/.installed
	$(PARITY)/bin/python -m pip install --quiet --constraint constraints.txt scikit-image scikit-learn
	$(PARITY)/bin/python benchmarks/training_input.py

# Steps with their input against torchvision's and timm's loops; DATA: where MNIST's files lie.
bench-training: $(PARITY)/.installed
	$(BENCH) benchmarks/training_speed.py --threads $(THREADS) $(if $(DATA),--data-root $(DATA))

# Our losses beside those of three seeds of torchvision's loop; DATA as above.
bench-losses: $(PARITY)/.installed
	$(BENCH) benchmarks/loss_curves.py $(if $(DATA),--data-root $(DATA))

# MNIST to 99 % against pytorch/examples; DATA as above.
bench-mnist: $(PARITY)/.installed
	$(BENCH) benchmarks/mnist_to_99.py --threads $(THREADS) --data-root $(DATA)

# Training and inference on a GPU against timm, with a torch for that GPU; GPU=--dry-run does it on the CPU.
bench-gpu: $(PARITY)/.installed
	$(PARITY)/bin/python benchmarks/gpu.py $(GPU)

bench-memory: $(VENV)/.installed
	OMP_NUM_THREADS=$(THREADS) $(BIN)/python benchmarks/memory.py --threads $(THREADS)
# A folder of JPEGs to labels, and one picture, whole processes, against timm's and torchvision's loops: half an hour on two
# cores, and as long again for the networks, which are trained at first and kept.
IMAGES := 300
ROUNDS := 5
bench-folder: $(PARITY)/.installed
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable ".[onnx,openvino]" scikit-image
	$(PARITY)/bin/python benchmarks/folder_prediction.py --images $(IMAGES) --rounds $(ROUNDS) $(if $(NETWORKS),--networks $(NETWORKS))

clean:
	rm -rf $(VENV) runs
