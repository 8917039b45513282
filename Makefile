# make is a convenience: README's two commands need only Go and git.
# "make" alone lists the targets; their help is the text after "##".

FUZZTIME ?= 5m
BENCHTIME ?= 2s
BENCH ?= .

.DEFAULT_GOAL := help
.PHONY: help test lint race bench ratios fuzz browser mutants soak compare-tools cross cover ci clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## all tests
	go test ./...

lint: ## gofmt, vet and golangci-lint (builds the linter once: minutes)
	.ci/run format vet lint

race: ## the concurrent packages under the race detector (needs a C compiler)
	.ci/run race

bench: ## Go benchmarks on FLUSHBENCH_DIR or this folder; BENCH=regexp BENCHTIME=2s
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) .

ratios: ## the engine against the bare loops of the same rounds (minutes, quiet machine)
	go test -tags ratios -run 'TestRatios|TestPolicy0Parts|TestMeasuringCost' -v -timeout 0 .
	go test -tags ratios -run TestLiveCost -v -timeout 0 ./cmd/flushbench

fuzz: ## each fuzz target for FUZZTIME (5m)
	FUZZTIME=$(FUZZTIME) .ci/run fuzz

browser: ## all pages in a real browser (needs chromium, and the network once)
	.ci/run browser

mutants: ## plant every seeded bug and demand that its test fails
	go run ./mutants

soak: ## the long searches: all tests at their longest, a million interleavings (hours)
	FLUSHBENCH_SOAK=1 go test -count=1 -skip ShuffledSoak -timeout 0 -v ./...
	FLUSHBENCH_SOAK=1 go test -count=1 -run ShuffledSoak -tags yieldpoints -timeout 0 -v ./...

compare-tools: ## probe against fio and pg_test_fsync, interleaved (needs both)
	scripts/compare-tools.sh

cross: ## build for darwin/arm64 and linux/arm64
	.ci/run cross

cover: ## test coverage by package, and coverage.out for go tool cover
	go test -coverprofile coverage.out -coverpkg ./... ./...
	go tool cover -func coverage.out | tail -n 1

ci: ## everything that decides whether a change is good (as root, < 20 min)
	.ci/run

clean: ## remove what these targets leave behind; results stay
	rm -rf flushbench coverage.out *.test *.prof .ci-smoke.*
	go clean -testcache
