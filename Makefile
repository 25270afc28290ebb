# SPDX-License-Identifier: BSD-3-Clause
# make demo      hear it: one sample, one bursty trace, one wav per scheme under demo/
# make test      all tests, C tests included      make lint     ruff, mypy
# make lib       libdred.so, libdred.a, dred.pc   make install  PREFIX=/usr/local, LIBDIR=, DESTDIR=
#                (CC=x86_64-w64-mingw32-gcc: dred.dll, libdred.dll.a, libdred.a, dred.pc)
# make ctest     C unit tests                     make ctest-asan  the same under ASan and UBSan
# make ctest-foreign  the same on another platform, in an emulator: TRIPLE=s390x-linux-gnu
# make ctest-windows, ctest-neon  the same for Windows (Wine), and twice for 64-bit ARM
# make ctest-vnni  the same for AVX-512 VNNI and AVX-VNNI, in an emulator
# make fuzz      hostile input for SECONDS=60 under ASan and UBSan; SEED=, CORPUS=folder
# make bench     speed of every stage             make docs     build/site
# make clean

PYTHON ?= python3
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
VENV := .venv
BIN := $(VENV)/bin
# Twice quiet: errors only.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

DEMO_CLIP := samples/slt_16k.wav
DEMO_TRACE := samples/bursty_20.txt

.PHONY: demo test lint bench docs lib install clean
.PHONY: ctest ctest-asan ctest-foreign ctest-windows ctest-neon ctest-vnni fuzz

# ---- Python ------------------------------------------------------------------------------------

demo: $(VENV)/core.stamp
	$(BIN)/dred simulate $(DEMO_CLIP) --trace $(DEMO_TRACE) --out demo

test: $(VENV)/core.stamp
	$(BIN)/python -m pytest -q

lint: $(VENV)/core.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/core.stamp
	$(BIN)/dred bench

docs: $(VENV)/core.stamp $(VENV)/docs.stamp
	$(BIN)/python -m mkdocs build --strict --quiet
	@echo "look: build/site/index.html; with search: $(BIN)/python -m mkdocs serve"

$(VENV)/docs.stamp: $(VENV)/packages.stamp
	@$(PIP) --no-build-isolation --editable ".[docs]"
	@touch $@

# setuptools and cffi stay in the environment, so that a later build needs no network.
$(VENV)/packages.stamp: pyproject.toml setup.py tools/check_system.sh
	@tools/check_system.sh $(PYTHON)
	@echo "dred: making $(VENV) and compiling the C core; this takes a few minutes, once"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) "setuptools>=77" "cffi>=1.16"
	@$(PIP) --no-build-isolation --editable ".[eval,lab,dev]"
	@touch $@

C_FILES := $(shell find csrc -name '*.[ch]')

$(VENV)/core.stamp: $(VENV)/packages.stamp $(C_FILES) dred/_build.py dred/_version.py
	@$(BIN)/python dred/_build.py
	@touch $@

# ---- C -----------------------------------------------------------------------------------------

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' dred/_version.py)
# Raised when a change of dred.h breaks programs that were linked before.
ABI := 0

# `make ctest-asan` runs this Makefile again with another VARIANT.
VARIANT := release
OPTIMISE := -O3
SANITISE :=
OBJECTS_IN := build/$(VARIANT)

# A cross compiler (CC=aarch64-linux-gnu-gcc) comes with tools of its own.
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy)
ifeq ($(origin AR),default)
AR = $(shell $(CC) -print-prog-name=ar)
endif
WINDOWS := $(findstring mingw,$(shell $(CC) -dumpmachine 2> /dev/null))

# Warnings are errors in tests; a user's compiler may know others than ours. (psabi: how a vector is
# passed from file to file does not matter, since none is.)
WERROR :=
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wno-psabi $(WERROR)
C_FLAGS = -std=c11 $(OPTIMISE) $(SANITISE) $(WARNINGS) -fPIC -fvisibility=hidden -MMD -MP \
	-Icsrc -Icsrc/include -DDRED_BUILDING -DDRED_VERSION='"$(VERSION)"' $(CFLAGS) -fno-lto

LIB_SOURCES := $(shell find csrc -name '*.c' -not -path 'csrc/tests/*' -not -path 'csrc/examples/*')
TEST_SOURCES := $(wildcard csrc/tests/*.c)
LIB_OBJECTS := $(LIB_SOURCES:csrc/%.c=$(OBJECTS_IN)/%.o)
TEST_OBJECTS := $(TEST_SOURCES:csrc/%.c=$(OBJECTS_IN)/%.o)
LIB := build/lib
SHARED := $(LIB)/$(if $(WINDOWS),dred.dll,libdred.so.$(VERSION))

$(OBJECTS_IN)/%.o: csrc/%.c Makefile $(OBJECTS_IN)/compiler
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -c $< -o $@

# Written only where it changes, so that objects of one compiler never meet those of another.
.PHONY: always
COMPILER = $(subst ','\'',$(CC) $(OPTIMISE) $(SANITISE) $(CFLAGS) $(VERSION))
$(OBJECTS_IN)/compiler: always
	@mkdir -p $(@D)
	@echo '$(COMPILER)' | cmp -s - $@ || echo '$(COMPILER)' > $@

lib: $(SHARED) $(LIB)/libdred.a $(LIB)/dred.pc

# The models, built in; the folder is named so that a file taken away is noticed as well.
$(OBJECTS_IN)/models.bin: $(sort $(wildcard dred/models/*.bin)) dred/models
	@mkdir -p $(@D)
	@cat /dev/null $(filter %.bin,$^) > $@

$(OBJECTS_IN)/builtin.o: tools/embed_models.c $(OBJECTS_IN)/models.bin Makefile \
		$(OBJECTS_IN)/compiler
	$(CC) $(C_FLAGS) -DDRED_MODELS_FILE='"$(OBJECTS_IN)/models.bin"' -c $< -o $@

$(LIB)/libdred.so.$(VERSION): $(LIB_OBJECTS) $(OBJECTS_IN)/builtin.o
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-soname,libdred.so.$(ABI) -Wl,-z,defs $(LDFLAGS) $^ -lm -o $@
	ln -sf libdred.so.$(VERSION) $(LIB)/libdred.so.$(ABI)
	ln -sf libdred.so.$(ABI) $(LIB)/libdred.so

# A program is linked with the import library, and needs the other to start.
$(LIB)/dred.dll: $(LIB_OBJECTS) $(OBJECTS_IN)/builtin.o
	@mkdir -p $(@D)
	$(CC) -shared -static-libgcc -Wl,--out-implib,$(LIB)/libdred.dll.a $(LDFLAGS) $^ -lm -o $@

# Windows knows no hidden symbols, and objects that ask for exports ask in a static archive as well.
LOCALISE := $(if $(WINDOWS),--wildcard --keep-global-symbol='dred_*' --remove-section=.drectve,\
	--localize-hidden)

# One object whose hidden symbols are local: a static archive has no visibility of its own, and
# our inner names must not clash with those of a program. (Hence -fno-lto: such objects have no
# symbols yet.)
$(LIB)/libdred.a: $(LIB_OBJECTS) $(OBJECTS_IN)/builtin.o
	@mkdir -p $(@D)
	rm -f $@
	$(CC) -r -nostdlib $^ -o $(OBJECTS_IN)/libdred.o
	$(OBJCOPY) $(LOCALISE) $(OBJECTS_IN)/libdred.o
	$(AR) rcs $@ $(OBJECTS_IN)/libdred.o

# Written at every `make lib`: it holds PREFIX and LIBDIR.
.PHONY: $(LIB)/dred.pc
$(LIB)/dred.pc:
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(abspath $(PREFIX))' 'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' 'includedir=$${prefix}/include' '' \
		'Name: dred' 'Description: Deep redundancy (DRED) for Opus' 'Version: $(VERSION)' \
		'Libs: -L$${libdir} -ldred' 'Libs.private: -lm' 'Cflags: -I$${includedir}' > $@

install: lib
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 csrc/include/dred.h csrc/include/dred_builtin.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(LIB)/libdred.a $(DESTDIR)$(LIBDIR)/
	install -m 644 $(LIB)/dred.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
ifeq ($(WINDOWS),)
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)/
	cp -P $(LIB)/libdred.so.$(ABI) $(LIB)/libdred.so $(DESTDIR)$(LIBDIR)/
else
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(SHARED) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(LIB)/libdred.dll.a $(DESTDIR)$(LIBDIR)/
endif

# RUNNER: an emulator that runs foreign programs.
RUNNER :=
# A level of csrc/base/cpu.h that the best kernels must have, or nothing.
TEST_LEVEL :=

RUN_TESTS := $(OBJECTS_IN)/run_tests$(if $(WINDOWS),.exe)

ctest: WERROR := -Werror
ctest: $(RUN_TESTS)
	$(RUNNER) $< $(TEST_LEVEL)

# The sanitisers' own code gives false warnings (gcc: maybe-uninitialized), hence no -Werror.
ctest-asan:
	@$(MAKE) --no-print-directory ctest VARIANT=asan OPTIMISE='-O1 -g' WERROR= \
		SANITISE='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'

# Any platform for which Debian has a compiler and an emulator; docs/c.md says which have passed.
TRIPLE := s390x-linux-gnu
ARCH := $(firstword $(subst -, ,$(TRIPLE)))
ifneq ($(findstring mingw,$(TRIPLE)),)
EMULATOR := wine
FOREIGN_PACKAGES := gcc-mingw-w64-$(subst _,-,$(ARCH)) wine
else
EMULATOR := qemu-$(patsubst powerpc%,ppc%,$(ARCH:i%86=i386))
FOREIGN_PACKAGES := gcc-$(subst _,-,$(TRIPLE)) qemu-user
endif
# Wine keeps its files, a Windows in small, where `make clean` finds them.
ctest-foreign: export WINEPREFIX := $(abspath build/wine)
ctest-foreign: export WINEDEBUG := -all

# The vectoriser of gcc 12 for ARM fails on a loop of the tests (internal error); our kernels do not
# need it.
FLAGS_OF_aarch64 := -fno-tree-vectorize

ctest-foreign:
	@if ! echo '#include <stdio.h>' | $(TRIPLE)-gcc -E - > /dev/null 2>&1 || \
			! command -v $(firstword $(EMULATOR)) > /dev/null; then \
		echo "$@: it needs $(TRIPLE)-gcc, its C library and $(firstword $(EMULATOR))" \
			"(Debian: apt-get install --install-recommends $(FOREIGN_PACKAGES))" >&2; exit 1; \
	fi
	@$(MAKE) --no-print-directory ctest VARIANT=$(TRIPLE) CC=$(TRIPLE)-gcc LDFLAGS=-static \
		OPTIMISE="-O2 $(FLAGS_OF_$(ARCH))" RUNNER="$(EMULATOR)"

ctest-windows:
	@$(MAKE) --no-print-directory ctest-foreign TRIPLE=x86_64-w64-mingw32

# Twice: as a processor without the dot product instructions, and as one with them.
ctest-neon:
	@for cpu in cortex-a57 max; do $(MAKE) --no-print-directory ctest-foreign \
		TRIPLE=aarch64-linux-gnu EMULATOR="qemu-aarch64 -cpu $$cpu" || exit 1; \
	done

# The tests say themselves whether the kernels are those of the level.
VNNI_RUNNER ?= $(PYTHON) tools/emulate_vnni.py

ctest-vnni:
	@if ! reason=$$($(VNNI_RUNNER) 2>&1); then echo "ctest-vnni: skipped: $$reason"; \
	else for level in avx512vnni avxvnni; do \
		$(MAKE) --no-print-directory ctest VARIANT=vnni LDFLAGS=-static OPTIMISE=-O2 \
			RUNNER="$(VNNI_RUNNER) $$level" TEST_LEVEL=$$level || exit 1; \
	done; fi

comma := ,
# See csrc/tests/forbid_allocation.h.
WRAP := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc free)

$(RUN_TESTS): $(LIB_OBJECTS) $(TEST_OBJECTS)
	$(CC) $(SANITISE) $(LDFLAGS) $(WRAP) $^ -lm -o $@

# No test: it runs for as long as one likes. With a compiler that knows trace-pc (gcc, clang) inputs
# that take new ways are changed further; the fuzzer itself is compiled without it.
SECONDS := 60
SEED := $(shell date +%s)
CORPUS :=
FUZZ_OBJECTS := $(patsubst csrc/%.c,$(OBJECTS_IN)/%.o,$(wildcard csrc/tests/fuzz/*.c))

fuzz:
	@$(MAKE) --no-print-directory build/fuzz/fuzz VARIANT=fuzz OPTIMISE='-O2 -g' WERROR= \
		SANITISE='-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all'
	build/fuzz/fuzz $(SECONDS) $(SEED) build/fuzz $(CORPUS)

# All but the arithmetic, whose ways do not depend on what is read.
ifeq ($(VARIANT),fuzz)
$(filter-out $(OBJECTS_IN)/nn/kernels% $(OBJECTS_IN)/dsp/%,$(LIB_OBJECTS)): C_FLAGS += -fsanitize-coverage=trace-pc
endif

$(OBJECTS_IN)/fuzz: $(LIB_OBJECTS) $(FUZZ_OBJECTS)
	$(CC) $(SANITISE) $(LDFLAGS) $^ -lm -o $@

clean:
	rm -rf build demo $(VENV) *.egg-info dred/_core*.so

-include $(LIB_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) $(FUZZ_OBJECTS:.o=.d) \
	$(OBJECTS_IN)/builtin.d
