# Wafer. `make help` lists the goals; everything built goes below $(BUILD).

ifeq ($(origin CC),default)
CC = gcc
endif
CFLAGS     ?= -O2 -g
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
UNITDIR    ?= $(PREFIX)/lib/systemd/system
PKG_CONFIG ?= pkg-config
BUILD      ?= build
PORT       ?= 8080
FUZZ_SECONDS ?= 10
SEEDS      ?= 5
MAINTAINER ?= The Wafer authors <wafer@wafer.example>
JOBS       ?= $(shell nproc)

read_version = sed -n 's/^\#define WAFER_VERSION  *"\(.*\)"/\1/p'
VERSION := $(shell $(read_version) include/wafer.h)
SONAME  := libwafer.so.$(firstword $(subst ., ,$(VERSION)))

# Empty without liblmdb: then there is no libwafer-lmdb, and no program knows lmdb:FOLDER.
LMDB_LIBS   := $(shell $(PKG_CONFIG) --libs lmdb 2>/dev/null)
LMDB_SONAME := libwafer-lmdb.so.$(firstword $(subst ., ,$(VERSION)))
# The same without libhiredis, of libwafer-redis, redis:ADDRESS@FOLDER and `wafer feed`.
REDIS_LIBS   := $(shell $(PKG_CONFIG) --libs hiredis 2>/dev/null)
REDIS_SONAME := libwafer-redis.so.$(firstword $(subst ., ,$(VERSION)))

# ---- What there is to build ----

CORE    := $(wildcard src/*.c)
TOOL    := $(wildcard src/tool/*.c)
DEMO    := $(wildcard src/demo/*.c)
PAGES   := $(wildcard src/demo/pages/*)
OPTION  := $(wildcard src/option/*.c)
LMDB    := $(if $(LMDB_LIBS),$(wildcard src/lmdb/*.c))
REDIS   := $(if $(REDIS_LIBS),$(wildcard src/redis/*.c))
STACKS  := $(patsubst src/examples/stack_%.c,%,$(wildcard src/examples/stack_*.c))
SERVING := $(filter-out src/examples/stack_%,$(wildcard src/examples/*.c))
TESTS   := $(filter-out $(if $(LMDB),,$(wildcard tests/test_lmdb*.c)) \
           $(if $(REDIS),,$(wildcard tests/test_redis*.c)),$(wildcard tests/test_*.c))
HELPERS := $(wildcard $(patsubst %,tests/programs/%.c,list json exchange sealed \
           $(if $(REDIS),shared relay)))
SUPPORT := $(filter-out tests/test_%.c,$(wildcard tests/*.c))
FUZZERS := $(filter-out $(if $(LMDB),,fuzz/fuzz_journal.c) $(if $(REDIS),,fuzz/fuzz_stream.c), \
           $(wildcard fuzz/fuzz_*.c))
LIFE    := $(wildcard fuzz/life_*.c)
BENCHES := $(filter-out $(if $(LMDB),,bench/bench_journal.c),$(wildcard bench/bench_*.c))
HOSTS   := $(if $(REDIS),$(wildcard bench/redis/*.c))
BARRED  := $(patsubst %,bench/bench_%.c,session refuse cookie flood threads)
PEERS   := $(wildcard bench/peers/*.c)
MANUALS := $(wildcard src/tool/*.1)
CMAKES  := wafer-config.cmake wafer-config-version.cmake
CMAKEDIR = $(LIBDIR)/cmake/wafer
HEADERS := $(wildcard include/*.h include/wafer/*.h)
UNITS   := $(wildcard src/redis/*.service)
PARTS   := $(filter-out $(if $(LMDB),,lmdb.h) $(if $(REDIS),,redis.h), \
           $(notdir $(wildcard include/wafer/*.h)))
# These need npm: each is a group of its own.
SCRIPTS := $(filter-out tests/check_vectors.sh tests/check_browser.sh,$(wildcard tests/check_*.sh))
INDEPENDENT := $(wildcard tests/vectors/independent/*.mjs)
BROWSER := $(wildcard tests/browser/*.mjs)

object  = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
program = $(patsubst %.c,$(BUILD)/%,$(1))

STATIC   := $(BUILD)/libwafer.a
SHARED   := $(BUILD)/libwafer.so.$(VERSION)
LMDB_STATIC := $(if $(LMDB),$(BUILD)/libwafer-lmdb.a)
LMDB_SHARED := $(if $(LMDB),$(BUILD)/libwafer-lmdb.so.$(VERSION))
REDIS_STATIC := $(if $(REDIS),$(BUILD)/libwafer-redis.a)
REDIS_SHARED := $(if $(REDIS),$(BUILD)/libwafer-redis.so.$(VERSION))
LIBS     := $(STATIC) $(SHARED) $(BUILD)/$(SONAME) $(BUILD)/libwafer.so $(LMDB_STATIC) \
            $(LMDB_SHARED) $(if $(LMDB),$(BUILD)/$(LMDB_SONAME) $(BUILD)/libwafer-lmdb.so) \
            $(REDIS_STATIC) $(REDIS_SHARED) \
            $(if $(REDIS),$(BUILD)/$(REDIS_SONAME) $(BUILD)/libwafer-redis.so)
COMMAND  := $(if $(TOOL),$(BUILD)/wafer)
SERVER   := $(if $(DEMO),$(BUILD)/wafer-demo)
EXAMPLES := $(STACKS:%=$(BUILD)/examples/%)
PROGRAMS := $(COMMAND) $(SERVER) $(EXAMPLES) $(call program,$(TESTS) $(HELPERS) $(BENCHES)) \
            $(if $(HOSTS),$(BUILD)/bench/bench_redis) \
            $(call object,$(FUZZERS) $(LIFE) fuzz/replay.c)

# ---- How ----

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow
# _FORTIFY_SOURCE does nothing but warn without optimization.
FORTIFY   = $(if $(filter -O%,$(filter-out -O0,$(CFLAGS))),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
HARDENING = -fstack-protector-strong $(FORTIFY)
COMPILE   = $(CC) -std=c11 -D_DEFAULT_SOURCE -Iinclude $(INCLUDES) $(CPPFLAGS) $(CFLAGS) -fPIC \
            -fvisibility=hidden $(HARDENING) $(WARNINGS) $(WERROR) $(INSTRUMENT)
LINK      = $(CC) $(CFLAGS) $(INSTRUMENT) $(LDFLAGS) -Wl,-z,relro,-z,now -Wl,--as-needed

SODIUM_FLAGS := $(shell $(PKG_CONFIG) --cflags libsodium 2>/dev/null)
SODIUM_LIBS  := $(or $(shell $(PKG_CONFIG) --libs libsodium 2>/dev/null),-lsodium)
CORE_LIBS    := $(SODIUM_LIBS) -lb64 -lpthread
TEST_LIBS    := -lcmocka -lcbor -ljansson
LMDB_FLAGS   := $(shell $(PKG_CONFIG) --cflags lmdb 2>/dev/null)

# What may be included: the public parts see the public headers only.
INCLUDES = $(SODIUM_FLAGS)
# Not -I, because <cbor.h> is not ours.
INSIDERS = $(TESTS) $(SUPPORT) $(FUZZERS) $(LIFE) fuzz/replay.c $(BENCHES)
$(call object,$(CORE)): private INCLUDES += -iquote src
$(call object,$(INSIDERS)): private INCLUDES += -iquote src -iquote tests
$(call object,$(LMDB) $(wildcard tests/test_lmdb*.c) fuzz/fuzz_journal.c): private INCLUDES += $(LMDB_FLAGS)
$(call object,$(OPTION) $(TOOL)): private INCLUDES += $(if $(LMDB_LIBS),-DWAFER_WITH_LMDB) \
    $(if $(REDIS_LIBS),-DWAFER_WITH_REDIS)

# What each HTTP stack needs: by its name for pkg-config, or by hand where it has none, or where
# what it says is wrong (h2o's lacks that it was built without libuv).
stack = $(shell $(PKG_CONFIG) --$(1) $(2) 2>/dev/null)
system = $(patsubst -I%,-isystem %,$(call stack,cflags,$(1)))

FLAGS_microhttpd     = $(call system,libmicrohttpd)
LIBS_microhttpd      = -lmicrohttpd
FLAGS_evhttp         = $(call system,libevent)
LIBS_evhttp          = -levent
LIBS_civetweb        = -lcivetweb
FLAGS_ulfius         = $(call system,libulfius)
LIBS_ulfius          = -lulfius -lorcania -lmicrohttpd
FLAGS_h2o            = $(call system,libh2o-evloop) -DH2O_USE_LIBUV=0
LIBS_h2o             = -lh2o-evloop -lssl -lcrypto
FLAGS_libwebsockets  = $(call system,libwebsockets)
LIBS_libwebsockets   = -lwebsockets
FLAGS_soup           = $(call system,libsoup-3.0)
LIBS_soup            = $(call stack,libs,libsoup-3.0)
LIBS_fastcgi         = -lfcgi
# A module that kore loads, with the flags that kore was built with. It stays while threads run it.
FLAGS_kore           = $(patsubst -I%,-isystem %,$(shell cat "$$(kodev source)/features" 2>/dev/null))
LIBS_kore            = -shared -Wl,-z,nodelete

say = @printf '  %-5s %s\n' $(1) $(2)

.PHONY: all amalgamation deps examples demo check check-all check-browser check-foreign \
        check-stacks torture sanitize valgrind coverage fuzz fuzz-replay fuzz-afl fuzz-coverage \
        bench bench-check bench-redis bench-stacks bench-peers mutate tidy format install uninstall \
        dist deb clean help everything FORCE
.DELETE_ON_ERROR:
.SUFFIXES:

all: $(LIBS) $(COMMAND) ## build the libraries and the command (the default)

everything: all $(PROGRAMS)

examples: $(EXAMPLES) ## build the example server of each HTTP stack

# Flags that changed rebuild what they went into.
BUILT_WITH = '$(COMPILE)' '$(LINK)' '$(LMDB_LIBS) $(REDIS_LIBS)' '$(TEST_LIBS)'
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(BUILT_WITH) | cmp -s - $@ || printf '%s\n' $(BUILT_WITH) > $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)
	@$(COMPILE) -MMD -MP -c $< -o $@

$(STATIC): $(call object,$(CORE))
$(BUILD)/libwafer-lmdb.a: $(call object,$(LMDB))
$(BUILD)/libwafer-redis.a: $(call object,$(REDIS))
$(STATIC) $(BUILD)/libwafer-lmdb.a $(BUILD)/libwafer-redis.a:
	$(call say,AR,$@)
	@rm -f $@
	@$(AR) rcs $@ $^

$(SHARED): $(call object,$(CORE))
	$(call say,LINK,$@)
	@$(LINK) -shared -Wl,-soname,$(SONAME) $^ $(CORE_LIBS) -o $@

amalgamation: $(BUILD)/amalgamation/wafer.c ## make one wafer.c and one wafer.h of the library

$(BUILD)/amalgamation/wafer.c: src/amalgamation.awk include/wafer.h $(wildcard src/*.h) $(CORE)
	@mkdir -p $(@D)
	$(call say,AWK,$@)
	@cp include/wafer.h $(@D)
	@awk -v version=$(VERSION) -f $< $(filter src/%.h,$^) $(CORE) > $@

$(BUILD)/libwafer-lmdb.so.$(VERSION): $(call object,$(LMDB)) $(BUILD)/libwafer.so
	$(call say,LINK,$@)
	@$(LINK) -shared -Wl,-soname,$(LMDB_SONAME) $^ $(LMDB_LIBS) -lpthread -o $@

$(BUILD)/libwafer-redis.so.$(VERSION): $(call object,$(REDIS)) $(BUILD)/libwafer.so
	$(call say,LINK,$@)
	@$(LINK) -shared -Wl,-soname,$(REDIS_SONAME) $^ $(REDIS_LIBS) $(SODIUM_LIBS) -lpthread -o $@

$(BUILD)/$(SONAME): $(SHARED)
$(BUILD)/libwafer.so: $(BUILD)/$(SONAME)
$(BUILD)/$(LMDB_SONAME): $(LMDB_SHARED)
$(BUILD)/libwafer-lmdb.so: $(BUILD)/$(LMDB_SONAME)
$(BUILD)/$(REDIS_SONAME): $(REDIS_SHARED)
$(BUILD)/libwafer-redis.so: $(BUILD)/$(REDIS_SONAME)
$(patsubst %,$(BUILD)/%,$(SONAME) $(LMDB_SONAME) $(REDIS_SONAME) \
    libwafer.so libwafer-lmdb.so libwafer-redis.so):
	@ln -sf $(<F) $@

# What reads --revocations: libraries in the order in which they need each other.
LISTS = $(call object,$(OPTION)) $(LMDB_STATIC) $(REDIS_STATIC) $(STATIC)
LIST_LIBS = $(LMDB_LIBS) $(REDIS_LIBS)

$(BUILD)/wafer: $(call object,$(TOOL)) $(LISTS)
	$(call say,LINK,$@)
	@$(LINK) $^ $(LIST_LIBS) $(CORE_LIBS) -o $@

# The pages of the demo are part of it.
$(BUILD)/obj/src/demo/embedded.c: src/demo/embed.sh $(PAGES)
	@mkdir -p $(@D)
	@src/demo/embed.sh $(PAGES) > $@

$(BUILD)/obj/src/demo/embedded.o: $(BUILD)/obj/src/demo/embedded.c $(BUILD)/flags
	$(call say,CC,$@)
	@$(COMPILE) -iquote src/demo -MMD -MP -c $< -o $@

$(BUILD)/wafer-demo: $(call object,$(DEMO)) $(BUILD)/obj/src/demo/embedded.o $(LISTS)
	$(call say,LINK,$@)
	@$(LINK) $^ -lmicrohttpd $(LIST_LIBS) $(CORE_LIBS) -o $@

$(call program,$(HELPERS)): $(BUILD)/%: $(BUILD)/obj/%.o $(LISTS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(LINK) $^ -ljansson $(LIST_LIBS) $(CORE_LIBS) -o $@

$(call program,$(wildcard tests/test_lmdb*.c)): private TEST_LIBS += $(LMDB_LIBS)
$(call program,$(wildcard tests/test_lmdb*.c)): $(LMDB_STATIC)
$(call program,$(wildcard tests/test_redis*.c)): private TEST_LIBS += $(REDIS_LIBS)
$(call program,$(wildcard tests/test_redis*.c)): $(REDIS_STATIC)

$(BUILD)/obj/src/examples/stack_%.o: private INCLUDES += $(FLAGS_$(patsubst stack_%.o,%,$(@F)))

$(EXAMPLES): $(BUILD)/examples/%: $(BUILD)/obj/src/examples/stack_%.o $(call object,$(SERVING)) \
             $(LISTS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(LINK) $^ $(LIBS_$*) $(LIST_LIBS) $(CORE_LIBS) -o $@

# A test that defines __wrap_name stands in front of the library's calls of name.
wraps = $$(nm $< | sed -n 's/.* T __wrap_/-Wl,--wrap=/p')

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(call object,$(SUPPORT)) $(STATIC)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(LINK) $(wraps) $(filter %.o,$^) $(filter-out $(STATIC),$(filter %.a,$^)) $(STATIC) \
	    $(TEST_LIBS) $(CORE_LIBS) -o $@

$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(LMDB_STATIC) $(STATIC)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(LINK) $^ $(LMDB_LIBS) $(CORE_LIBS) -o $@

$(BUILD)/bench/bench_redis: $(call object,$(HOSTS)) $(REDIS_STATIC) $(STATIC)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(LINK) $^ $(REDIS_LIBS) $(CORE_LIBS) -o $@

# What else there is for sessions in cookies, to compare with; each links its own libraries.
LIBS_openssl = -lcrypto
LIBS_cjose   = -lcjose -ljansson

$(BUILD)/bench/peers/%: $(BUILD)/obj/bench/peers/%.o $(STATIC)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(LINK) $^ $(LIBS_$*) $(CORE_LIBS) -o $@

$(BUILD)/bench/peers/securecookie: bench/peers/securecookie.go
	@mkdir -p $(@D)
	$(call say,GO,$@)
	@GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE='$(abspath $(BUILD))/peers/go' go build \
	    -ldflags "-X main.version=$$(dpkg-query -W -f '$${Version}' \
	    golang-github-gorilla-securecookie-dev)" -o $@ $<

$(BUILD)/peers/node/node_modules: bench/peers/package.json
$(BUILD)/vectors/node_modules: tests/vectors/independent/package.json
$(BUILD)/browser/node_modules: tests/browser/package.json
$(BUILD)/peers/node/node_modules $(BUILD)/vectors/node_modules $(BUILD)/browser/node_modules:
	@mkdir -p $(@D)
	$(call say,NPM,$@)
	@cp $< $(@D)
	@npm install --prefix $(@D) --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

# Node looks for packages beside the file.
$(BUILD)/peers/node/%.mjs: bench/peers/%.mjs $(BUILD)/peers/node/node_modules
	@cp $< $@

$(BUILD)/vectors/%.mjs: tests/vectors/independent/%.mjs $(BUILD)/vectors/node_modules
	@cp $< $@

$(BUILD)/browser/%.mjs: tests/browser/%.mjs $(BUILD)/browser/node_modules
	@cp $< $@

# With the fuzzer's main; and with one that runs what it is given, and needs no fuzzer.
FUZZ_LIBS := -lcbor $(LMDB_LIBS) $(REDIS_LIBS)

$(BUILD)/fuzz/fuzz_life $(BUILD)/replay/fuzz_life: $(call object,$(LIFE))

$(BUILD)/fuzz/%: $(BUILD)/obj/fuzz/%.o $(LMDB_STATIC) $(REDIS_STATIC) $(STATIC)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(LINK) -fsanitize=fuzzer $(filter %.o,$^) $(filter %.a,$^) $(FUZZ_LIBS) $(CORE_LIBS) -o $@

$(BUILD)/replay/%: $(BUILD)/obj/fuzz/%.o $(BUILD)/obj/fuzz/replay.o $(LMDB_STATIC) \
                   $(REDIS_STATIC) $(STATIC)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(LINK) $(filter %.o,$^) $(filter %.a,$^) $(FUZZ_LIBS) $(CORE_LIBS) -o $@

.SECONDARY:
-include $(wildcard $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d)

# ---- Variants: the same, with other flags, in a folder of their own ----

# Only a make that was not told how parallel to be is told here.
PARALLEL = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))
SANITIZE := CFLAGS='-O1 -g -fno-omit-frame-pointer' HARDENING=
STOP     := -fno-sanitize-recover=all

variant_gcc      := CC=gcc
variant_clang    := CC=clang
variant_asan     := CC=clang $(SANITIZE) \
                    INSTRUMENT='$(STOP) -fsanitize=address,undefined'
variant_tsan     := CC=clang $(SANITIZE) INSTRUMENT=-fsanitize=thread
variant_fuzzing  := CC=clang $(SANITIZE) \
                    INSTRUMENT='$(STOP) -fsanitize=fuzzer-no-link,address,undefined'
variant_afl      := AFL_QUIET=1 CC=afl-clang-fast $(SANITIZE) \
                    INSTRUMENT='$(STOP) -fsanitize=address,undefined'
variant_mapped   := CC=clang CFLAGS='-O0 -g' HARDENING= \
                    INSTRUMENT='-fprofile-instr-generate -fcoverage-mapping'
LEAVING          := build/coverage/obj/tests/coverage/leave.o
variant_coverage := CC=gcc CFLAGS='-O0 -g' HARDENING= \
                    INSTRUMENT='--coverage -fprofile-update=atomic' \
                    TEST_LIBS='-Wl,--wrap=_exit $(LEAVING) -lcmocka -lcbor -ljansson $(LIST_LIBS)'

# Other types of machines: Debian's cross compilers and libraries; qemu runs what comes out.
FOREIGN  := arm64 s390x armhf
UNABLE    = build/$(1)/obj/tests/foreign/unable.o
cross     = CC=$(2)-gcc AR=$(2)-ar PKG_CONFIG='env PKG_CONFIG_LIBDIR=/usr/lib/$(2)/pkgconfig \
            pkg-config' TEST_LIBS='-Wl,--wrap=_cmocka_run_group_tests $(UNABLE) -lcmocka -lcbor \
            -ljansson -llmdb'
variant_arm64    := $(call cross,arm64,aarch64-linux-gnu)
variant_s390x    := $(call cross,s390x,s390x-linux-gnu)
variant_armhf    := $(call cross,armhf,arm-linux-gnueabihf)

# $(call variant,name,goals) builds goals of a variant.
variant = $(MAKE) -s --no-print-directory $(PARALLEL) BUILD=build/$(1) WERROR=-Werror \
          $(variant_$(1)) $(2)
# The programs of a variant; a sanitizer's runtime is not for shared libraries.
programs = $(patsubst $(BUILD)/%,build/$(1)/%,$(PROGRAMS))
unit     = $(patsubst %.c,build/$(1)/%,$(TESTS))
THREADED := $(shell grep -l 'pthread_create' $(TESTS) /dev/null)
# Scripts that drive the programs from outside are worth running under a sanitizer and for coverage.
DRIVERS  := $(wildcard tests/check_tool*.sh tests/check_demo*.sh tests/check_redis.sh \
            tests/check_redis_queue.sh tests/check_redis_wrong.sh tests/check_stacks.sh)
# $(call run,label,variant,tests) runs them and counts.
run = BUILD=build/$(2) CC=gcc MAKE='$(MAKE)' JOBS=$(JOBS) VERSION=$(VERSION) \
      tests/run.sh $(1) $(3)

# ---- Groups: what `make check` is made of, one after the other ----

CHECKS := group-gcc group-clang group-unit group-scripts group-asan group-replay \
          group-valgrind group-tsan
LONG   := group-coverage group-seeds group-vectors group-browser group-load group-fuzz
groups  = @MAKE='$(MAKE)' tests/groups.sh

group-gcc group-clang: group-%:
	+@$(call variant,$*,everything)

group-unit: group-gcc
	@$(call run,unit,gcc,$(call unit,gcc))

group-scripts: group-gcc
	+@$(call run,scripts,gcc,$(SCRIPTS))

group-asan:
	+@$(call variant,asan,$(call programs,asan))
	@$(call run,asan,asan,$(call unit,asan) $(DRIVERS))

# With registers that are right at every access, as a test goes on after a fault that it provoked.
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
            --vex-iropt-register-updates=allregs-at-mem-access
group-valgrind: group-gcc
	@WRAPPER='$(VALGRIND)' $(call run,valgrind,gcc,$(call unit,gcc))

# Without a fixed layout of memory, clang's older runtimes do not start on some kernels.
group-tsan:
	+@$(call variant,tsan,$(patsubst %.c,build/tsan/%,$(THREADED)))
	@WRAPPER="$$(setarch -R true 2>/dev/null && echo setarch -R)" \
	    $(call run,tsan,tsan,$(patsubst %.c,build/tsan/%,$(THREADED)))

# There is no hiredis of theirs, so no libwafer-redis.
foreign = $(call variant,$(1),$(UNABLE)) && \
          $(call variant,$(1),build/$(1)/wafer build/$(1)/tests/programs/list \
          $(patsubst %.c,build/$(1)/%,$(filter-out tests/test_redis%,$(TESTS))))

group-foreign:
	@.ci/deps foreign
	+@$(call variant,gcc,build/gcc/wafer build/gcc/tests/programs/list)
	+@$(foreach machine,$(FOREIGN),$(call foreign,$(machine)) &&) true
	@MACHINES='$(FOREIGN)' UNITS='$(filter-out test_redis_%,$(notdir $(basename $(TESTS))))' JOBS=$(JOBS) tests/foreign/run.sh

group-coverage:
	@.ci/deps coverage
	+@$(call variant,coverage,$(LEAVING))
	+@$(call variant,coverage,everything $(call fuzzed,coverage,replay))
	@find build/coverage -name '*.gcda' -delete
	@$(call run,coverage,coverage,$(call unit,coverage) $(DRIVERS) fuzz/replay.sh)
	@WAFER_PORTABLE=1 $(call run,portable,coverage,fuzz/replay.sh)
	@gcovr --root . --filter 'src/' --exclude 'src/demo/' --exclude 'src/examples/' \
	    --exclude 'src/redis/' --json=build/coverage/branches.json --print-summary \
	    --fail-under-line 95 --fail-under-branch 90 build/coverage
	@echo 'src/redis, which has more ways to fail than its tests take:'
	@gcovr --root . --filter 'src/redis/' --print-summary --fail-under-line 92 \
	    --fail-under-branch 80 build/coverage | tail -n 3
	@tests/coverage.py build/coverage/branches.json

group-seeds: group-gcc
	@for number in $$(seq $(SEEDS)); do \
	    export WAFER_TEST_SEED=$$(($$(date +%s) * 1000 + number)); \
	    $(call run,seed-$$number,gcc,$(call unit,gcc)) || exit 1; \
	done

group-vectors: group-gcc
	@.ci/deps vectors
	+@$(call variant,gcc,$(INDEPENDENT:tests/vectors/independent/%=build/gcc/vectors/%))
	@$(call run,vectors,gcc,tests/check_vectors.sh)

# Pictures of the pages go to build/screens.
group-browser:
	@.ci/deps browser
	+@$(call variant,gcc,build/gcc/wafer build/gcc/wafer-demo \
	    $(BROWSER:tests/browser/%=build/gcc/browser/%))
	@$(call run,browser,gcc,tests/check_browser.sh)

# Too short for figures, long enough for leaks and errors.
group-load: group-gcc
	@BUILD=build/gcc ROUNDS=1 LOAD_SECONDS=3 bench/stacks.sh

# One fuzz program (TARGET=token for fuzz/fuzz_token.c) or all.
CHOSEN  = $(patsubst %,fuzz_%,$(or $(TARGET),$(patsubst fuzz/fuzz_%.c,%,$(FUZZERS))))
# $(call fuzzed,variant,folder) is the programs of a variant that are chosen.
fuzzed  = $(patsubst %,build/$(1)/$(2)/%,$(CHOSEN))
corpus  = fuzz/corpus/$${name\#fuzz_}
# The first one, then the others as llvm-cov wants them.
mapped  = $(firstword $(call fuzzed,mapped,replay)) \
          $(patsubst %,-object %,$(wordlist 2,99,$(call fuzzed,mapped,replay)))
dictionary = $$(find fuzz -name "$${name\#fuzz_}.dict" -printf '$(1)%p')

group-replay:
	+@$(call variant,asan,$(call fuzzed,asan,replay))
	@$(call run,replay,asan,fuzz/replay.sh)

# What is found stays in build/fuzz; what crashed is a file beside the folder.
group-fuzz:
	+@$(call variant,fuzzing,$(call fuzzed,fuzzing,fuzz))
	@for name in $(CHOSEN); do \
	    mkdir -p build/fuzz/$$name && \
	    echo "== $$name, $(FUZZ_SECONDS) s" && \
	    build/fuzzing/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	        -timeout=10 -max_len=4096 $(call dictionary,-dict=) \
	        -artifact_prefix=build/fuzz/$$name- build/fuzz/$$name $(corpus) || exit 1; \
	done

# ---- Goals ----

deps: ## install the Debian packages that the goals need and that are missing
	@.ci/deps build demo lmdb redis check install stacks vectors browser load coverage tidy format

demo: ## set up, then serve the demo on PORT (8080)
	@.ci/deps build demo
	+@$(MAKE) --no-print-directory $(PARALLEL) $(BUILD)/wafer $(BUILD)/wafer-demo
	@test -e $(BUILD)/demo.keys || $(BUILD)/wafer keys new $(BUILD)/demo.keys
	@exec $(BUILD)/wafer-demo --port $(PORT) --keys $(BUILD)/demo.keys

check: ## set up, then run every test; about 10 minutes
	@.ci/deps build demo lmdb redis check install stacks
	+$(groups) $(CHECKS)

check-all: ## check, then the coverage gate and the long runs
	@.ci/deps build demo lmdb redis check install stacks vectors browser load coverage
	+$(groups) $(CHECKS) $(LONG)

check-stacks: ## run the suite that drives each HTTP stack's example alike
	@.ci/deps build stacks
	+@$(call variant,gcc,all examples)
	@$(call run,stacks,gcc,tests/check_stacks.sh)

check-browser: ## try the demo in Chromium; pictures of its pages go to build/screens
	@.ci/deps build demo lmdb
	+$(groups) group-browser

check-foreign: ## run the unit tests on other types of machines, and exchange tokens; 5 minutes
	@.ci/deps build lmdb redis check
	+$(groups) group-foreign

torture: ## kill 3000 writers of a table file while others read it
	@.ci/deps build
	+@$(call variant,gcc,all)
	@KILLS=3000 TIME_LIMIT=1200 $(call run,torture,gcc,tests/check_torture.sh)

sanitize: ## run the tests under ASan and UBSan, those with threads under TSan
	@.ci/deps build demo lmdb redis check stacks
	+$(groups) group-asan group-tsan

valgrind: ## run the tests under valgrind
	@.ci/deps build demo lmdb redis check stacks
	+$(groups) group-valgrind

coverage: ## measure what tests and corpora reach; fails below tests/coverage.py's aims
	@.ci/deps build demo lmdb redis check stacks
	+$(groups) group-coverage

fuzz: ## run each fuzz program, or TARGET, for FUZZ_SECONDS (10)
	@.ci/deps build demo lmdb redis check
	+@$(MAKE) --no-print-directory group-fuzz

fuzz-replay: ## run each fuzz program, or TARGET, on its corpus, under ASan and UBSan
	@.ci/deps build lmdb redis check
	+@$(MAKE) --no-print-directory group-replay

fuzz-afl: ## the same as fuzz with AFL++ (Debian's afl++)
	@.ci/deps build lmdb redis check fuzz
	@command -v afl-fuzz >/dev/null || { echo 'afl-fuzz is missing: install afl++.'; exit 1; }
	+@$(call variant,afl,$(call fuzzed,afl,fuzz))
	@for name in $(CHOSEN); do \
	    mkdir -p build/afl/results && rm -rf build/afl/results/$$name && \
	    echo "== $$name, $(FUZZ_SECONDS) s" && \
	    AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
	        afl-fuzz -V $(FUZZ_SECONDS) -m none -t 1000+ $(call dictionary,-x ) -i $(corpus) \
	        -o build/afl/results/$$name build/afl/fuzz/$$name >build/afl/$$name.log || \
	        { tail -n 20 build/afl/$$name.log; exit 1; }; \
	    grep -E '^(execs_done|corpus_count|bitmap_cvg|saved_)' \
	        build/afl/results/$$name/default/fuzzer_stats; \
	    test -z "$$(find build/afl/results/$$name -path '*/crashes/id*')" || exit 1; \
	done

fuzz-coverage: ## show as HTML what the corpora, and what was found since, reach of src/
	@.ci/deps build lmdb redis check fuzz
	@command -v llvm-cov >/dev/null || { echo 'llvm-cov is missing: install llvm.'; exit 1; }
	+@$(call variant,mapped,$(call fuzzed,mapped,replay))
	@rm -f build/mapped/*.profraw
	@for name in $(CHOSEN); do \
	    mkdir -p build/fuzz/$$name && \
	    LLVM_PROFILE_FILE=build/mapped/$$name.profraw build/mapped/replay/$$name $(corpus) \
	        build/fuzz/$$name >build/mapped/$$name.log || exit 1; \
	done
	@llvm-profdata merge build/mapped/*.profraw -o build/mapped/all.profdata
	@llvm-cov show -format=html -output-dir=build/mapped/html -show-line-counts-or-regions \
	    -instr-profile=build/mapped/all.profdata $(mapped) src
	@llvm-cov report -instr-profile=build/mapped/all.profdata $(mapped) src | tail -n 1
	@echo 'build/mapped/html/index.html'

bench: $(call program,$(BENCHES)) ## run the benchmarks
	@$(if $(BENCHES),:,echo 'There are no benchmarks (bench/bench_*.c).')
	@for program in $(call program,$(BENCHES)); do $$program || exit 1; done

bench-check: $(call program,$(BARRED)) ## fail when a benchmark's figure is beyond its bar; 2 minutes
	@bench/check.py $(BUILD)

bench-stacks: ## put load on each HTTP stack's example, LOAD_SECONDS (60) each
	@.ci/deps build stacks load
	+@$(call variant,gcc,all examples)
	@BUILD=build/gcc bench/stacks.sh

bench-redis: ## measure the list of many machines, around a Redis of its own; 2 minutes
	@.ci/deps build redis
	+@$(MAKE) -s --no-print-directory $(PARALLEL) $(BUILD)/bench/bench_redis
	@BUILD=$(BUILD) bench/redis.sh

bench-peers: ## compare with what else there is for sessions in cookies; 2 minutes
	-@.ci/deps build peers
	-+@$(MAKE) -k --no-print-directory $(PARALLEL) $(call program,$(PEERS)) \
	    $(BUILD)/bench/peers/securecookie $(BUILD)/peers/node/secure_session.mjs
	@bench/peers/run.py $(BUILD)

mutate: ## change src/ at one place at a time, and list what no test notices; MODULE=, SAMPLE=
	@.ci/deps build lmdb redis check
	@tests/mutate.py $(if $(MODULE),--module $(MODULE)) $(if $(SAMPLE),--sample $(SAMPLE)) $(BUILD)

tidy: ## look through src/ with clang-tidy
	@.ci/deps build demo lmdb redis tidy
	@clang-tidy --quiet $(CORE) $(TOOL) $(DEMO) $(OPTION) $(LMDB) $(REDIS) -- \
	    -std=c11 -D_DEFAULT_SOURCE -Iinclude -iquote src $(SODIUM_FLAGS) $(LMDB_FLAGS) $(WARNINGS)

format: ## put all C files in the house's form with clang-format
	@.ci/deps format
	@clang-format -i $(HEADERS) $(wildcard $(foreach folder,src src/* bench bench/peers bench/redis \
	    fuzz tests,$(folder)/*.[ch]))

# Where things are installed, in a template.
fill = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' \
    -e 's|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))|' \
    -e 's|@INCLUDEDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))|'

define install_lmdb
install -m 644 $(LMDB_STATIC) '$(DESTDIR)$(LIBDIR)'
	install -m 755 $(LMDB_SHARED) '$(DESTDIR)$(LIBDIR)'
	ln -sf libwafer-lmdb.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/$(LMDB_SONAME)'
	ln -sf $(LMDB_SONAME) '$(DESTDIR)$(LIBDIR)/libwafer-lmdb.so'
	$(fill) src/lmdb/wafer-lmdb.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/wafer-lmdb.pc'
endef

define install_redis
install -m 644 $(REDIS_STATIC) '$(DESTDIR)$(LIBDIR)'
	install -m 755 $(REDIS_SHARED) '$(DESTDIR)$(LIBDIR)'
	ln -sf libwafer-redis.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/$(REDIS_SONAME)'
	ln -sf $(REDIS_SONAME) '$(DESTDIR)$(LIBDIR)/libwafer-redis.so'
	$(fill) src/redis/wafer-redis.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/wafer-redis.pc'
	for unit in $(UNITS); do install -d '$(DESTDIR)$(UNITDIR)' && \
	    sed 's|@BINDIR@|$(BINDIR)|' $$unit > '$(DESTDIR)$(UNITDIR)'/$$(basename $$unit) || \
	    exit 1; done
endef

install: all ## install below PREFIX (/usr/local), staged in DESTDIR
	install -d '$(DESTDIR)$(INCLUDEDIR)/wafer' '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(BINDIR)'
	install -m 644 include/wafer.h '$(DESTDIR)$(INCLUDEDIR)'
	for header in $(PARTS); do \
	    install -m 644 include/wafer/$$header '$(DESTDIR)$(INCLUDEDIR)/wafer' || exit 1; done
	install -m 644 $(STATIC) '$(DESTDIR)$(LIBDIR)'
	install -m 755 $(SHARED) '$(DESTDIR)$(LIBDIR)'
	ln -sf libwafer.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libwafer.so'
	$(fill) src/wafer.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/wafer.pc'
	install -d '$(DESTDIR)$(CMAKEDIR)'
	for file in $(CMAKES); do \
	    $(fill) src/$$file.in > '$(DESTDIR)$(CMAKEDIR)/'$$file || exit 1; done
	$(if $(LMDB),$(install_lmdb))
	$(if $(REDIS),$(install_redis))
	for command in $(COMMAND); do install -m 755 $$command '$(DESTDIR)$(BINDIR)' || exit 1; done
	for manual in $(MANUALS); do \
	    install -D -m 644 -t '$(DESTDIR)$(MANDIR)/man1' $$manual || exit 1; done
	install -D -m 644 src/tool/wafer.bash '$(DESTDIR)$(COMPLETIONDIR)/wafer'

uninstall: ## remove what install installed
	rm -f '$(DESTDIR)$(INCLUDEDIR)/wafer.h' '$(DESTDIR)$(LIBDIR)/libwafer.a' \
	    '$(DESTDIR)$(LIBDIR)/libwafer.so' '$(DESTDIR)$(LIBDIR)/$(SONAME)' \
	    '$(DESTDIR)$(LIBDIR)/libwafer.so.$(VERSION)' \
	    '$(DESTDIR)$(LIBDIR)/pkgconfig/wafer.pc' '$(DESTDIR)$(BINDIR)/wafer' \
	    '$(DESTDIR)$(LIBDIR)/libwafer-lmdb.a' '$(DESTDIR)$(LIBDIR)/libwafer-lmdb.so' \
	    '$(DESTDIR)$(LIBDIR)/$(LMDB_SONAME)' '$(DESTDIR)$(LIBDIR)/libwafer-lmdb.so.$(VERSION)' \
	    '$(DESTDIR)$(LIBDIR)/pkgconfig/wafer-lmdb.pc' \
	    '$(DESTDIR)$(LIBDIR)/libwafer-redis.a' '$(DESTDIR)$(LIBDIR)/libwafer-redis.so' \
	    '$(DESTDIR)$(LIBDIR)/$(REDIS_SONAME)' \
	    '$(DESTDIR)$(LIBDIR)/libwafer-redis.so.$(VERSION)' \
	    '$(DESTDIR)$(LIBDIR)/pkgconfig/wafer-redis.pc'
	for unit in $(notdir $(UNITS)); do rm -f '$(DESTDIR)$(UNITDIR)/'$$unit; done
	for header in $(notdir $(wildcard include/wafer/*.h)); do \
	    rm -f '$(DESTDIR)$(INCLUDEDIR)/wafer/'$$header; done
	for manual in $(notdir $(MANUALS)); do rm -f '$(DESTDIR)$(MANDIR)/man1/'$$manual; done
	rm -f '$(DESTDIR)$(COMPLETIONDIR)/wafer'
	for file in $(CMAKES); do rm -f '$(DESTDIR)$(CMAKEDIR)/'$$file; done
	for folder in '$(DESTDIR)$(INCLUDEDIR)/wafer' '$(DESTDIR)$(CMAKEDIR)'; do \
	    test ! -d "$$folder" || rmdir --ignore-fail-on-non-empty "$$folder" || exit 1; done

# A commit always makes the same bytes: nobody's settings, time or rights get in.
dist: ## pack the last commit as build/wafer-VERSION.tar.gz
	@git rev-parse -q --verify HEAD >/dev/null 2>&1 || { \
	    echo 'make dist packs the last commit: call it in a clone of the repository.'; exit 1; }
	@git diff --quiet HEAD || echo 'Changes that are not committed stay out.'
	@mkdir -p $(BUILD)
	@version=$$(git show HEAD:./include/wafer.h | $(read_version)) && test -n "$$version" && \
	    tar=$(BUILD)/wafer-$$version.tar && \
	    git -c tar.umask=0022 -c core.autocrlf=false -c core.attributesFile=/dev/null \
	        archive --prefix=wafer-$$version/ -o $$tar HEAD && \
	    gzip -9nf $$tar && echo $$tar.gz

DEB      := $(BUILD)/deb
# When the last commit was made; or, in what was unpacked, the file.
DEB_TIME  = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || \
              stat -c %Y include/wafer.h))
DEB_BUILD_OPTIONS ?= noautodbgsym

# A name may have any sign in it: the shell and awk see it in the environment only.
deb: export MAINTAINER := $(MAINTAINER)
deb: ## build Debian packages as build/deb/*.deb; MAINTAINER='Name <address>'
	@.ci/deps build deb
	@rm -rf $(DEB) && mkdir -p $(DEB)/wafer
	@cp -R include src Makefile README.md LICENSE $(DEB)/wafer
	@mv $(DEB)/wafer/src/debian $(DEB)/wafer
	@awk '$$2 == "@MAINTAINER@" { $$0 = $$1 " " ENVIRON["MAINTAINER"] } { print }' \
	    src/debian/control > $(DEB)/wafer/debian/control
	@printf 'wafer ($(VERSION)) unstable; urgency=medium\n\n  * Version $(VERSION).\n\n -- %s  %s\n' \
	    "$$MAINTAINER" "$$(LC_ALL=C date -uR -d @$(DEB_TIME))" > $(DEB)/wafer/debian/changelog
	$(call say,DEB,$(DEB))
	@cd $(DEB)/wafer && env -u BUILD -u MAKEFLAGS DEB_BUILD_OPTIONS='$(DEB_BUILD_OPTIONS)' \
	    dpkg-buildpackage -b -us -uc -j$(JOBS) >../log 2>&1 || { cat ../log; exit 1; }

clean: ## remove everything that was built
	rm -rf build

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
	    while IFS='|' read -r goal text; do printf '%-10s %s\n' "$$goal" "$$text"; done
