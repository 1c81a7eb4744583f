# make builds bin/psyncsim; make help lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
GO ?= go
# Tests against real servers live in real time: they run by themselves.
REAL := /sim/(live|twin)
# Long, and one goroutine each, or what others do on several too (TestSizeDoesNotHangOnJobs, TestSameTrace): the race
# detector would see nothing more. They run without it. So do plots (a run of TestPlotAgain draws them side by side) and
# scenarios/cluster (it starts programs).
ALONE := TestCubicResponse TestMathis TestLevels TestSizeAnswers TestSizeReplayIsTheRun TestSizeCalibration \
  TestSizeCalibrationKept TestSizeRemediesHelp TestSizeOneLineOfBuffers TestSizeCharts TestWrongInputs TestPcap \
  TestPcapWithTshark TestSegmentsWithTshark TestVerifyMeasuredDiffers TestEveryMemberCounts TestDecisionsDoNotHangOnPhases \
  TestMaxMemoryStream TestMaxMemoryIsReal TestCutToTheByte TestSizeHeardAgain TestStdoutFull TestFilesFull \
  TestChartsOfOtherResults
# What a 32-bit program cannot do differently: what passes in real time, what draws, what starts programs, what words
# an error has; and what compares the program with itself, where a golden says what it is (TestSizeAnswers,
# TestVerifyMeasured). The sums, the goldens, the recordings and whatever else computes run in it.
WORDS := TestKilled TestResume TestLocked TestInterrupted TestObserve TestObserveRefuses TestObserveThenSize TestPlotAgain \
  TestSizeCharts TestPcapWithTshark TestWrongInputs TestUsage TestVerifyUsage TestVerifySkip TestMerge TestMergeRefuses \
  TestSizeRemediesHelp TestSizeOneLineOfBuffers TestSizeDoesNotHangOnJobs TestSizeReplayIsTheRun TestSizeCalibration \
  TestSizeSilencesAsOverSegments TestVerifyMeasuredDiffers TestEveryMemberCounts TestStdoutFull TestFilterFull TestFilesFull \
  TestChartsOfOtherResults TestForeignChartsStay
names = ^($(subst $() $(),|,$(strip $(1))))$$
SWEEP ?= results/out/sizing-rule
# The profile by which the compiler arranges the program. It is not called default.pgo: tests then need all packages twice.
HOT := cmd/psyncsim/hot.pgo

.PHONY: build run test check race live same golden plots tcp verify fuzz bench pgo clean help

build: ## build bin/psyncsim
	$(GO) build -trimpath -pgo=$(HOT) -o bin/psyncsim ./cmd/psyncsim

run: build ## run the default sweep: a table, and where the charts are
	bin/psyncsim run

test: ## all tests, those against a real redis-server at the end
	$(GO) vet ./...
	$(GO) test -timeout 30m $$($(GO) list ./... | grep -vE '$(REAL)')
	@$(MAKE) --no-print-directory live

check: race same ## format, race detector, and the same bytes as a 32-bit program
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }

race: ## the tests under the race detector, the long ones shortened (the charts take too long under it)
	$(GO) test -timeout 30m -race -short -skip '$(call names,$(ALONE))' $$($(GO) list ./... | grep -vE '/plots|/cluster|$(REAL)')
	$(GO) test -timeout 30m -race -short -p 1 ./sim/live/...

live: ## the same protocol code against a real redis-server on loopback
	@if command -v redis-server >/dev/null; then $(GO) test -timeout 30m -count=1 -p 1 -v ./sim/live/... ./sim/twin | grep -Ev '^(=== |    --- PASS)'; \
	else echo "SKIPPED: no redis-server on PATH"; fi

same: ## the kept fingerprints, with a program for 386 (on amd64)
	@if [ "$$($(GO) env GOARCH)" = amd64 ] && [ "$$($(GO) env GOOS)" = linux ]; then \
	  GOARCH=386 $(GO) test -timeout 30m -short -skip '$(call names,$(WORDS))' ./cmd/... ./model/... ./scenarios ./scenarios/outages ./results ./sim ./sim/measured; \
	else echo "SKIPPED: the 386 program runs on linux/amd64 only"; fi

golden: ## write the kept answers of the tests anew; read the diff before you commit it
	REWRITE=1 $(GO) test ./cmd/... -run TestSameBytes
	$(GO) test ./scenarios -rewrite
	$(GO) test ./sim -rewrite
	$(GO) run ./cmd/tcprig -kept -out results/tcp-linux

plots: build ## draw the charts of the README anew
	bin/psyncsim run --quiet --out $(SWEEP)
	cp $(SWEEP)/boundary.png plots/sizing-rule-boundary.png
	cp $(SWEEP)/collapsed.png plots/sizing-rule-collapsed.png
	cd scenarios/capture && ../../bin/psyncsim size --info load.csv --outage p50=2s,p99=45s --quiet --charts ../../results/out/size >/dev/null
	cp results/out/size/risk.png plots/risk.png

tcp: ## the simulated TCP against this kernel's (Linux, root), kept in results/tcp-linux; QUICK=1: some minutes, kept nowhere
	@$(GO) build -trimpath -o bin/tcprig ./cmd/tcprig
	bin/tcprig $(if $(QUICK),-quick -out results/out/tcp-linux,-out results/tcp-linux)

verify: build ## scenarios/verify on every real server in SERVERS/NAME/redis-server and in simulation, kept in results/verify
	$(GO) run ./cmd/verifytable -servers "$(SERVERS)"

fuzz: ## every fuzz target for FUZZ (default 20s)
	@for p in model sim scenarios scenarios/samples scenarios/outages results; do \
	  for f in $$($(GO) test ./$$p -list '^Fuzz' | grep '^Fuzz'); do \
	    $(GO) test ./$$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $${FUZZ:-20s} -fuzzminimizetime 1x || exit 1; \
	  done; \
	done

bench: ## what it costs, beside its targets: kept in results/bench; QUICK=1: in minutes, kept nowhere
	$(GO) run ./cmd/benchtable $(if $(QUICK),-quick -out results/out/bench)

# Profiles of what the program does most, in about equal parts: hours that are long, many short runs, their results and charts.
pgo: ## profile the program anew: cmd/psyncsim/hot.pgo, by which make build has its code arranged
	@rm -rf bin/pgo && mkdir -p bin/pgo
	cd bin/pgo && profile() { $(GO) test -trimpath ../../$$1 -run '^$$' -bench "$$2" -benchtime $$3 -cpuprofile $$4.prof -o $$4.test; } && \
	profile sim '^BenchmarkReference$$/^(lengths|lengths-poisson)$$' 8s reference && \
	profile sim '^BenchmarkReference$$/^(bytes|bulk)$$' 2x bytes && \
	profile sim '^Benchmark(Relays|Outage)$$' 1s relays && \
	profile cmd/psyncsim '^BenchmarkSweep$$/./^jobs=1$$' 4x sweeps && \
	profile cmd/psyncsim '^BenchmarkSizeOutage$$' 1s size && \
	$(GO) tool pprof -proto *.prof | gzip -dc | perl -pe 's{\Q$(CURDIR)\E}{"." x length($$&)}ge' | gzip -9n > merged && mv merged ../../$(HOT) # of no machine's paths

clean: ## remove what was built and run
	rm -rf bin results/out

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 10
