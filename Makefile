# SPDX-License-Identifier: Apache-2.0

VERSION := 0.1.0

PREFIX  ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/docksnoop
UNITDIR ?= $(PREFIX)/lib/systemd/system

CC      ?= cc
CLANG   ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config
CLANG_FORMAT ?= clang-format

CFLAGS  ?= -O2 -g
# One folder for each set of flags, so that sanitized objects never meet plain ones.
BUILD   ?= build

ifneq ($(V),1)
say = @printf '  %-8s %s\n' $(1) '$(2)';
endif

LIBS := libbpf libelf zlib jansson libmnl yajl libfyaml libsodium libseccomp libcap libsystemd
# Asked only when something is built: the packages may not be there yet.
lib_cflags = $(shell $(PKG_CONFIG) --cflags $(LIBS))
lib_ldlibs = $(shell $(PKG_CONFIG) --libs $(LIBS))

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DDOCKSNOOP_VERSION='"$(VERSION)"' -I. \
	     $(WARNINGS) -fstack-protector-strong $(lib_cflags) $(CFLAGS)

# The kernel side is the same whatever the user side is built with.
BPF_BUILD := build
BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_CFLAGS := -g -O2 -mcpu=v3 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -I. \
	      -I/usr/include/$(shell $(CC) -print-multiarch 2>/dev/null) \
	      -Wall -Wextra -Wno-unused-parameter

SOURCES  := $(sort $(wildcard user/*.c user/*/*.c))
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY  := $(filter-out $(BUILD)/user/main.o,$(OBJECTS))
PROGRAM  := $(BUILD)/docksnoop
SKELETON := $(BPF_BUILD)/docksnoop.skel.h

UNIT_SOURCES := $(sort $(wildcard tests/unit/test_*.c))
UNIT_TESTS   := $(UNIT_SOURCES:%.c=$(BUILD)/%)

FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TARGETS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help run test check unit bpf-test e2e fuzz fuzz-build fuzz-targets vm \
	bench install uninstall clean format format-check deps deps-test deps-bench

all: $(PROGRAM)

help:
	@echo 'sudo make run    install what is missing, build, self-test, and watch this host'
	@echo 'sudo make test   install what the tests need and run all of them'
	@echo
	@echo 'make             build $(PROGRAM)'
	@echo 'make check       unit tests, without root, with address and undefined-behaviour sanitizers'
	@echo 'make fuzz        feed hostile bytes to every parser; SECONDS=600 for each, FUZZ="http policy" some'
	@echo 'sudo make bench  what it costs on this host, beside what else one would run; PARTS="unwatched latency"'
	@echo 'make install     to $$(DESTDIR)$$(PREFIX); uninstall takes it away again'
	@echo 'make format      lay the sources out with clang-format; format-check only looks'
	@echo 'make clean       remove what was built (kernels fetched for tests stay in build/vm)'
	@echo
	@echo 'parts of "make test": check bpf-test e2e fuzz vm'
	@echo 'V=1 shows commands; CC, CFLAGS, CLANG, BPFTOOL, PREFIX, DESTDIR are taken from you'

# --- the program -------------------------------------------------------------

# Two steps: clang compiles, bpftool links and checks.
define bpf_object
	@mkdir -p $(@D)
	$(call say,BPF,$@) $(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $@.d -c $< -o $@.tmp
	@$(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp
endef

$(BPF_BUILD)/docksnoop.bpf.o: bpf/docksnoop.bpf.c Makefile
	$(bpf_object)

$(BPF_BUILD)/bodies.bpf.o: tests/bpf/bodies.bpf.c Makefile
	$(bpf_object)

$(BPF_BUILD)/floor.bpf.o: bench/floor.bpf.c Makefile
	$(bpf_object)

$(SKELETON): $(BPF_BUILD)/docksnoop.bpf.o
	$(call say,SKEL,$@) $(BPFTOOL) gen skeleton $< name docksnoop_bpf > $@

$(BPF_BUILD)/bodies.skel.h: $(BPF_BUILD)/bodies.bpf.o
	$(call say,SKEL,$@) $(BPFTOOL) gen skeleton $< name bodies > $@

$(BPF_BUILD)/floor.skel.h: $(BPF_BUILD)/floor.bpf.o
	$(call say,SKEL,$@) $(BPFTOOL) gen skeleton $< name floor_bpf > $@

$(patsubst %.c,$(BUILD)/%.o,$(wildcard user/sensor/sensor*.c)): $(SKELETON)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@) $(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(PROGRAM): $(OBJECTS)
	$(call say,LINK,$@) $(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(lib_ldlibs)

# --- the two commands --------------------------------------------------------

deps:
	@tests/deps build

deps-test:
	@tests/deps test

deps-bench:
	@tests/deps bench

run: deps
	@$(MAKE) --no-print-directory all
	@$(PROGRAM) selftest
	@$(PROGRAM) watch $(ARGS)

test: deps-test
	@$(MAKE) --no-print-directory all
	@tests/run

# --- tests -------------------------------------------------------------------

define test_program
	@mkdir -p $(@D)
	$(call say,TEST,$@) $(CC) $(ALL_CFLAGS) -Werror=unused-function -MMD -MP \
		-DTEST_DATA='"$(CURDIR)/tests/unit/data"' -DTEST_ROOT='"$(CURDIR)"' $< $(LIBRARY) \
		-o $@ $(LDFLAGS) $(lib_ldlibs) -lcmocka
endef

$(BUILD)/tests/unit/%: tests/unit/%.c $(LIBRARY) Makefile
	$(test_program)

$(BUILD)/tests/bpf/test_bodies: tests/bpf/test_bodies.c $(BPF_BUILD)/bodies.skel.h $(LIBRARY) Makefile
	$(test_program)

unit: $(UNIT_TESTS)
	@tests/unit/run $(UNIT_TESTS)

SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	    -fno-omit-frame-pointer

check:
	@$(MAKE) --no-print-directory BUILD=build/asan CFLAGS='$(SANITIZE)' unit

# The library is told which branches were taken; main() comes with each target.
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(LIBRARY) Makefile
	@mkdir -p $(@D)
	$(call say,FUZZ,$@) $(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -MMD -MP $< $(LIBRARY) \
		-o $@ $(LDFLAGS) $(lib_ldlibs)

fuzz-build:
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC='$(CLANG)' \
		CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' fuzz-targets

fuzz-targets: $(FUZZ_TARGETS)
	@:

SECONDS := 60
fuzz: fuzz-build
	@tests/fuzz/run $(SECONDS) $(FUZZ)

$(BUILD)/bench/programs: bench/programs.c $(BPF_BUILD)/floor.skel.h $(LIBRARY) Makefile
	@mkdir -p $(@D)
	$(call say,BENCH,$@) $(CC) $(ALL_CFLAGS) -MMD -MP $< $(LIBRARY) -o $@ $(LDFLAGS) $(lib_ldlibs)

bench: deps-bench
	@$(MAKE) --no-print-directory all $(BUILD)/bench/programs
	@bench/run $(PARTS)

bpf-test: $(BUILD)/tests/bpf/test_bodies
	@tests/unit/run $<

e2e: $(PROGRAM)
	@tests/e2e/run

vm: $(PROGRAM)
	@tests/vm/run

# --- the rest ----------------------------------------------------------------

install: $(PROGRAM)
	install -Dm755 $(PROGRAM) $(DESTDIR)$(SBINDIR)/docksnoop
	install -Dm644 man/docksnoop.1 $(DESTDIR)$(MANDIR)/man1/docksnoop.1
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|/usr/local/sbin|$(SBINDIR)|' deploy/docksnoop.service \
		>$(DESTDIR)$(UNITDIR)/docksnoop.service
	chmod 644 $(DESTDIR)$(UNITDIR)/docksnoop.service
	install -Dm644 -t $(DESTDIR)$(DOCDIR) README.md docs/events.md docs/event.schema.json \
		docs/detection.md docs/kernels.md docs/requests.md docs/policy.md docs/audit.md \
		docs/finding.schema.json docs/verify.md docs/performance.md deploy/docksnoop.logrotate

uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/docksnoop $(DESTDIR)$(MANDIR)/man1/docksnoop.1 \
		$(DESTDIR)$(UNITDIR)/docksnoop.service
	rm -rf $(DESTDIR)$(DOCDIR)

FORMATTED = $(sort $(wildcard user/*.[ch] user/*/*.[ch] bpf/*.[ch] tests/*/*.[ch] bench/*.[ch]))

format:
	$(CLANG_FORMAT) -i $(FORMATTED)

format-check:
	$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)

clean:
	rm -rf $(filter-out build/vm,$(wildcard build/*))

-include $(OBJECTS:.o=.d) $(UNIT_TESTS:=.d) $(FUZZ_TARGETS:=.d) $(wildcard $(BPF_BUILD)/*.bpf.o.d)
