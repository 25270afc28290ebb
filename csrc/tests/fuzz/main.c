/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Long fuzzing (`make fuzz`): inputs that took a new way through the library are changed further.
 *
 *   fuzz SECONDS SEED FOLDER [CORPUS]   all readers, with the files of CORPUS as inputs as well
 *   fuzz READER FILE                    one input again
 *
 * A child works; whatever ends it, its input is in memory that it shares with its parent, which
 * writes it to FOLDER. The order of a reader's inputs is a function of SEED and CORPUS. */
#define _DEFAULT_SOURCE
#include "corpus.h"
#include "coverage.h"
#include "mutate.h"
#include "readers.h"
#include "seeds.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 1 << 20, HANGS_S = 10, PATH_BYTES = 4096 };
static const double turn_s = 0.05; /* of one reader, until it is the next one's */

/* What the child works on, seen by the parent as well. */
typedef struct shared {
    int reader; /* -1: none */
    size_t size;
    uint8_t data[LARGEST];
} shared;

/* What was done with each reader. */
typedef struct account {
    chance random;
    double seconds; /* of processor time */
    unsigned long inputs;
} account;

static corpus kept[READERS];
static account accounts[READERS];

static double now_s(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Unless this is called again within so much processor time, an input takes forever. */
static void expect_end(void) {
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {.tv_sec = HANGS_S}}, NULL);
}

/* Run a reader on what is in `state`, and keep that if it is of a new kind. */
static void run_input(shared *state, int which, size_t size) {
    double start = now_s(CLOCK_PROCESS_CPUTIME_ID);
    state->size = size;
    state->reader = which;
    coverage_begin(which);
    run_reader(&readers[which], state->data, size);
    if (coverage_fresh() > 0)
        corpus_add(&kept[which], state->data, size);
    state->reader = -1;
    accounts[which].inputs++;
    accounts[which].seconds += now_s(CLOCK_PROCESS_CPUTIME_ID) - start;
}

/* All inputs as they are: those that add nothing are kept as well. */
static void run_corpus(shared *state) {
    for (int which = 0; which < READERS; which++)
        for (size_t i = 0, count = kept[which].count; i < count; i++) {
            expect_end();
            size_t size = kept[which].inputs[i].size;
            memcpy(state->data, kept[which].inputs[i].data, size);
            run_input(state, which, size);
        }
}

/* Changed inputs for the reader that had the least time so far. */
static void run_turn(shared *state) {
    int which = 0;
    for (int i = 1; i < READERS; i++)
        if (accounts[i].seconds < accounts[which].seconds)
            which = i;
    account *turn = &accounts[which];
    double until = turn->seconds + turn_s;
    expect_end();
    do {
        size_t size = mutate(&turn->random, &kept[which], state->data, readers[which].largest);
        run_input(state, which, size);
    } while (turn->seconds < until);
}

static void report(double passed, double total, const char *end) {
    fprintf(stderr, "\rfuzz: %.0f of %.0f s;", passed, total);
    for (int i = 0; i < READERS; i++) {
        double took = accounts[i].seconds;
        fprintf(stderr, " %s %lu (%.0f/cpu s, %zu kept)", readers[i].name, accounts[i].inputs,
                took > 0 ? (double)accounts[i].inputs / took : 0.0, kept[i].count);
    }
    fprintf(stderr, "%s", end);
}

static void work(shared *state, double seconds, uint64_t seed) {
    double start = now_s(CLOCK_MONOTONIC), told = start;
    for (int i = 0; i < READERS; i++)
        accounts[i].random.state = seed * READERS + (uint64_t)i + 1;
    run_corpus(state);
    while (now_s(CLOCK_MONOTONIC) - start < seconds) {
        run_turn(state);
        if (now_s(CLOCK_MONOTONIC) - told >= 1) {
            told = now_s(CLOCK_MONOTONIC);
            report(told - start, seconds, "");
        }
    }
    report(now_s(CLOCK_MONOTONIC) - start, seconds, "\n");
}

static int read_folder(const char *path) {
    for (int i = 0; i < READERS; i++)
        if (corpus_add_folder(&kept[i], path, readers[i].largest) < 0) {
            fprintf(stderr, "fuzz: %s: cannot be read; CORPUS is a folder\n", path);
            return 0;
        }
    return 1;
}

/* A name by the content, so that the same failure does not make many files. */
static void keep_failure(const shared *state, const char *program, const char *folder) {
    const char *name = readers[state->reader].name;
    char path[PATH_BYTES];
    uint32_t digest = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < state->size; i++)
        digest = (digest ^ state->data[i]) * 16777619u;
    snprintf(path, sizeof path, "%s/%s-%08x", folder, name, (unsigned)digest);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(state->data, 1, state->size, file) != state->size)
        fprintf(stderr, "fuzz: %s: cannot be written\n", path);
    if (file != NULL)
        fclose(file);
    fprintf(stderr, "fuzz: the reader '%s' failed on %zu bytes, kept in %s; again:\n  %s %s %s\n",
            name, state->size, path, program, name, path);
}

static int fuzz(char **arguments, int count) {
    double seconds = strtod(arguments[1], NULL);
    uint64_t seed = strtoull(arguments[2], NULL, 10);
    shared *state =
        mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(state != MAP_FAILED);
    state->reader = -1;
    if (count > 4 && !read_folder(arguments[4]))
        return 2;
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        add_seeds(kept);
        work(state, seconds, seed);
        exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (status == 0)
        return 0;
    fprintf(stderr, "\nfuzz: seed %llu: ", (unsigned long long)seed);
    if (WIFSIGNALED(status))
        fprintf(stderr, "ended by signal %d (%s)\n", WTERMSIG(status),
                WTERMSIG(status) == SIGPROF ? "an input takes forever"
                                            : strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "ended with exit code %d\n", WEXITSTATUS(status));
    if (state->reader >= 0)
        keep_failure(state, arguments[0], arguments[3]);
    else
        fprintf(stderr, "fuzz: not while an input was read: see above\n");
    return 1;
}

/* @return exit code */
static int run_again(const char *name, const char *path) {
    for (int i = 0; i < READERS; i++) {
        if (strcmp(readers[i].name, name) != 0)
            continue;
        if (!corpus_add_file(&kept[i], path, readers[i].largest)) {
            fprintf(stderr, "fuzz: %s: cannot be read\n", path);
            return 2;
        }
        run_reader(&readers[i], kept[i].inputs[0].data, kept[i].inputs[0].size);
        fprintf(stderr, "fuzz: %s: nothing wrong\n", path);
        return 0;
    }
    fprintf(stderr, "fuzz: no reader '%s'\n", name);
    return 2;
}

int main(int count, char **arguments) {
    if (count == 3)
        return run_again(arguments[1], arguments[2]);
    if (count == 4 || count == 5)
        return fuzz(arguments, count);
    fprintf(stderr, "usage: fuzz SECONDS SEED FOLDER [CORPUS] | fuzz READER FILE\n");
    return 2;
}
