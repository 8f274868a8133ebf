# What benchctl needs to be built, tested and run. "make" alone lists the targets.

GO        ?= go
BIN       := bin
TOOLS     := $(CURDIR)/.tools
BENCHCTL  := $(BIN)/benchctl
VEGETA    := github.com/tsenart/vegeta/v12@v12.13.0
LINTER    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.6.2
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.9
PLATFORMS := linux/amd64 linux/arm64 darwin/arm64

SCENARIO  ?= concurrency-256
SERVERS   ?= nethttp,fasthttp,hertz,nbio,gunicorn-gthread
BENCHFLAGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/benchctl
	@mkdir -p $(BIN)
	$(GO) build -buildvcs=auto -o $(BENCHCTL) ./cmd/benchctl

.PHONY: setup setup-wsgi
setup: setup-wsgi
setup-wsgi: ## install the servers that come as Debian packages, where that is possible
	@./.ci/setup

.PHONY: bench
bench: build ## run the main job and print where its report is
	@./.ci/setup gunicorn
	@$(BENCHCTL) run --scenario=$(SCENARIO) --servers=$(SERVERS) $(BENCHFLAGS)

.PHONY: test
test: setup ## run every test, under the race detector where it can find something
	@$(MAKE) --no-print-directory test-runs
	@$(MAKE) --no-print-directory test-commands
	@$(MAKE) --no-print-directory test-packages
	@$(MAKE) --no-print-directory test-serial

# Tests of one package wait for processes to start and for slices to pass, so that several go on side
# by side. Packages that start many processes go on one after the other: they would starve each other.
GOTEST := GORACE=atexit_sleep_ms=0 $(GO) test -timeout 25m
RUNS   := ./bench/harness/...
# SERIAL are packages in which nothing goes on at once, so that there is no race to be found. The detector makes them
# take seven times as long. Those that build pages by several at a time have tests of that in report/site.
SERIAL := ./apps/duties ./apps/stack/format ./apps/stack/paste ./bench/load/pace ./bench/load/tally ./bench/load/wire ./bench/plan \
	./internal/... ./report ./report/browsertest ./report/export ./report/html ./report/plots ./report/text ./results/... ./scenarios/...

.PHONY: test-commands test-runs test-packages test-serial
test-commands: # tested as processes. nbio hands connections over in ways the race detector does not see
	$(GOTEST) -p 1 -parallel 4 ./servers/engine/nbio ./servers ./apps/stack/bridge ./cmd/...
test-runs:
	$(GOTEST) -parallel 8 -race $(RUNS)
test-packages:
	@echo "$(GOTEST) -parallel 4 -race, all other packages"
	@$(GOTEST) -parallel 4 -race $$($(GO) list ./... | grep -v -x -e '.*/cmd/.*' -e '.*/bench/harness' -e '.*/servers' $$($(GO) list $(SERIAL) | sed 's/^/-e /'))
test-serial:
	$(GOTEST) $(SERIAL)

.PHONY: short
short: ## run the quick tests; they mostly wait, so that packages go on side by side
	$(GO) test -short -p 4 -parallel 8 ./...

.PHONY: check
check: vet format tidy lint imports platforms ## all that is checked without running anything

.PHONY: vet
vet:
	$(GO) vet ./...

.PHONY: format
format:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted, run gofmt -w:"; echo "$$out"; exit 1; fi

.PHONY: tidy
tidy:
	$(GO) mod tidy -diff

.PHONY: lint
lint: $(TOOLS)/golangci-lint $(TOOLS)/actionlint
	$(TOOLS)/golangci-lint run ./...
	$(TOOLS)/actionlint

.PHONY: imports
imports:
	$(GO) test -run TestImports ./cmd/benchctl

.PHONY: platforms
platforms: # tests too: what is defined for one system alone shows nowhere else
	@export CGO_ENABLED=0; for p in $(PLATFORMS); do echo "build and vet for $$p"; export GOOS=$${p%/*} GOARCH=$${p#*/}; \
		$(GO) build -o /dev/null ./cmd/benchctl && $(GO) vet ./... || exit 1; done

$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) $(GO) install $(LINTER)

$(TOOLS)/vegeta:
	GOBIN=$(TOOLS) $(GO) install $(VEGETA)

$(TOOLS)/actionlint:
	GOBIN=$(TOOLS) $(GO) install $(ACTIONLINT)

.PHONY: nightly
nightly: setup ## measure this revision against BASE in one run; fails on a regression
	@./.ci/nightly

.PHONY: power
power: build ## try what this machine tells apart; takes two hours (POWERFLAGS shorten it)
	@$(GO) run ./cmd/benchpower $(POWERFLAGS)

.PHONY: truth
truth: build ## hold runs against loads without interruptions, of servers with known tricks; takes 80 minutes, more where loads are repeated (TRUTHFLAGS shorten it)
	@$(GO) build -o $(BIN)/benchtruth ./cmd/benchtruth
	@$(BIN)/benchtruth $(TRUTHFLAGS)

.PHONY: loader-bench
loader-bench: build $(TOOLS)/vegeta ## compare the load engines with other load generators; takes 10 minutes (LOADERFLAGS shorten it)
	@$(GO) run ./cmd/loaderbench -vegeta $(TOOLS)/vegeta -slice 2s $(LOADERFLAGS)

.PHONY: handover
handover: ## count requests lost while each Go engine is replaced 50 times under load; takes a minute (HANDOVERFLAGS change it)
	@$(GO) build -o $(BIN)/handoverbench ./cmd/handoverbench
	@$(BIN)/handoverbench $(HANDOVERFLAGS)

.PHONY: site-bench
site-bench: ## time a site of 1,000 runs of 396 cells each, and of one run more (SITE_RUNS is another number)
	SITE_RUNS=$(or $(SITE_RUNS),1000) $(GO) test -run '^$$' -bench 'Build|Summaries' -benchtime 1x ./report/site

.PHONY: kills
kills: ## kill a run, a server, a supervisor and a worker at 100 random moments each; takes ten minutes (KILLS is another number)
	$(GOTEST) -count 1 -v -run TestKills ./cmd/benchctl -kills $(or $(KILLS),100)

# Readers of stacks' files, by package and name.
FUZZES := format:FuzzYAML format:FuzzTOML format:FuzzJSON format:FuzzGo paste:FuzzRead

.PHONY: fuzz
fuzz: ## have the readers of stacks' files read nonsense for five minutes each (FUZZTIME is another time)
	@for f in $(FUZZES); do $(GO) test -run '^$$' -fuzz "^$${f#*:}$$" -fuzztime $(or $(FUZZTIME),5m) ./apps/stack/$${f%:*} || exit 1; done

.PHONY: clean
clean: ## remove what was built; runs are kept
	rm -rf $(BIN) $(TOOLS)
