#!/usr/bin/python3
"""What the tests do not notice: changes the sources one place at a time and runs the tests.

    tests/mutate.py [--module NAME] [--sample N] [--seed N] [--jobs N] [--list] [BUILD]

A mutant is one change of an operator, a constant, a condition, a returned value, or a statement
that is left out. It is killed when a test of its file fails, crashes or takes too long; what
survives is tried once more under ASan and UBSan, as `make check` does. One that the compiler
translates to the same code as the original, or that tests/mutants.txt lists, is
equivalent: it does what the original does. A header is changed for every source that includes it.
Works on a copy below BUILD/mutate (BUILD is "build").
Exit status 1 when a module's score is below 95 %, or when a line of tests/mutants.txt fits nothing.
"""
import argparse
import collections
import concurrent.futures
import errno
import hashlib
import os
import queue
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

AIM = 95
EQUIVALENTS = "tests/mutants.txt"

# Of each file its module, and the tests that are to notice, those that end soonest first.
FILES = """
  base64      src/base64.c            base64_choice base64
  base64      src/base64_portable.c   base64_libb64 base64_choice base64 faults
  base64      src/base64_tail.c       base64
  base64      src/base64_x86.c        base64_choice base64
  seal        src/cipher.c            cipher seal
  seal        src/seal.c              seal
  nonce       src/nonce.c             nonce faults
  record      src/record.c            record
  text        src/text.c              text
  text        src/utf8.c              utf8
  text        src/octets.h            utf8 set_cookie
  cookie      src/cookie.c            cookie
  set_cookie  src/set_cookie.c        set_cookie faults
  variables   src/variables.c         variables variables_map variables_limits variables_model puts
  variables   src/slot.c              variables variables_map variables_limits cbor variables_model
  variables   src/slot.h              variables variables_map variables_limits variables_model
  variables   src/cbor.h              cbor variables_limits variables_map variables_model
  variables   src/arena.h             variables variables_limits variables_model
  variables   src/cbor.c              cbor variables_limits variables_map variables_model
  variables   src/arena.c             variables variables_limits variables_model
  token       src/token.c             token
  session     src/session.c           session request login puts promises faults session_edges session_times misuse
  session     src/session_open.c      session request login promises session_edges session_times
  session     src/session_finish.c    session request login promises faults session_edges session_times
  session     src/session_state.c     session request login promises faults session_edges session_times
  session     src/session_login.c     session_times login session session_edges request puts promises faults misuse
  session     src/session_variables.c session session_edges puts request login promises misuse
  session     src/session_explain.c   session_times session session_edges request puts login
  csrf        src/csrf.c              csrf puts
  csrf        src/session_csrf.c      puts session promises login faults misuse
  revocation  src/revocation.c        revocation table request login faults table_faults table_edges misuse
  table       src/table.c             table revocation table_open table_faults table_model table_searches table_edges
  table       src/table_revoke.c      revocation table table_file table_limits table_faults table_edges
  table       src/table_memory.c      table table_limits table_memory table_faults table_damage table_searches table_edges
  table       src/table_count.c       table table_memory table_file table_open table_damage
  table       src/table_space.c       table table_memory table_open table_file table_faults table_edges
  table       src/table_lock.c        table table_open table_faults table_processes table_edges
  file        src/table_file.c        table_file table_open table_faults table_damage table_edges
  file        src/table_draft.c       table_file table_open table_faults table_damage table_edges
  file        src/table_admit.c       table_file table_open table_faults table_damage table_edges
  file        src/table_open.c        table revocation table_file table_limits table_faults faults table_edges
  generations src/generations.c       generations keyring faults
  generations src/spread.h            generations nonce
  keys        src/keyring.c           keyring keys faults
  keys        src/keyfile.c           keyfile keys faults
  keys        src/keys.c              keys keyfile faults
  keys        src/keys_change.c       keys keyfile faults
"""

Mutant = collections.namedtuple("Mutant", "file start end text line place before after")


# ---- Making mutants ----

def blank(text, pattern, flags=0):
    """The text with what the pattern fits made of a byte that nothing here looks for."""
    return re.sub(pattern, lambda found: re.sub(r"[^\n]", "\x01", found.group()), text, flags=flags)


def code_of(source):
    """The source, place by place the same, without what is not to be changed."""
    code = blank(source, r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"|' r"'(\\.|[^'\\\n])+'", re.S)
    code = blank(code, r"_Static_assert\(.*?\);", re.S)
    code = blank(code, r"^#(?!define)[^\n]*", re.M)
    return blank(code, r"^#define \w+(\([^)]*\))?|__attribute__\(\(.*?\)\)(?=\n|$)", re.M)


SWAPS = {
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
    "==": ("!=",), "!=": ("==",), "&&": ("||",), "||": ("&&",),
    "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",), "%": ("/",),
    "&": ("|",), "|": ("&",), "^": ("|",), "<<": (">>",), ">>": ("<<",),
    "+=": ("-=",), "-=": ("+=",), "&=": ("|=",), "|=": ("&=",), "^=": ("|=",),
    "<<=": (">>=",), ">>=": ("<<=",), "++": ("--",), "--": ("++",),
}
WORDS = {"true": "false", "false": "true", "WAFER_OK": "WAFER_SYSTEM"}
OPERATOR = re.compile(r"(?<= )([<>=!&|+\-*/%^]{1,3})(?=[ \n])|(\+\+|--)")
NUMBER = re.compile(r"(?<![\w.])(0x[0-9A-Fa-f]+|\d+)([uUlL]*)\b(?!\.)")
CONDITION = re.compile(r"\b(?:if|while) \(")
RETURN = re.compile(r"\breturn ([^;]+);")
STATEMENT = re.compile(
    r"(?:(?<=[;{}:\x01])|(?<=\))|(?<=\belse))[\s\x01]*\n +"
    r"((?:\(void\))?[\w>.\-\[\]]+\([^;{}]*\);|[\w>.\-\[\]*+() ]+? [+\-&|^]?= [^;{}]*;|"
    r"\*?\(?\*?[\w>.\-\[\]]+\)?(?:\+\+|--);|(?:\+\+|--)[^;{}]*;|(?:break|continue);)"
)
DECLARATION = re.compile(
    r"(?:const|static|struct|enum|for|return|else)\b|[A-Za-z_]\w* \**\w+(?:\[.*?\])? = "
)


def closing(code, at):
    """Where the parenthesis that opens at this place closes."""
    depth = 0
    for place in range(at, len(code)):
        depth += {"(": 1, ")": -1}.get(code[place], 0)
        if depth == 0:
            return place
    return len(code)


def numbers(found):
    """A constant one more, one less, and zero."""
    digits = found.group(1)
    octal = digits.startswith("0") and digits.isdigit() and len(digits) > 1
    value = int(digits, 8 if octal else 0)
    form = "0{:o}" if octal else "0x{:X}" if digits.startswith("0x") else "{}"
    return [form.format(other) + found.group(2)
            for other in dict.fromkeys((value + 1, value - 1, 0)) if other not in (-1, value)]


def changes(source):
    """All (start, end, text): what to put in place of source[start:end]."""
    code = code_of(source)
    for found in OPERATOR.finditer(code):
        for other in SWAPS.get(found.group(), ()):
            yield found.start(), found.end(), other
    for found in NUMBER.finditer(code):
        for other in numbers(found):
            yield found.start(), found.end(), other
    for found in re.finditer(r"\b\w+\b", code):
        if found.group() in WORDS:
            yield found.start(), found.end(), WORDS[found.group()]
    for found in re.finditer(r"!(?![= ])", code):
        yield found.start(), found.end(), ""
    for found in CONDITION.finditer(code):
        last = closing(code, found.end() - 1)
        yield found.end() - 1, last + 1, "(!(" + source[found.end():last] + "))"
    for found in RETURN.finditer(code):
        if found.group(1) not in ("0", "false", "true", "NULL", "WAFER_OK"):
            yield found.start(1), found.end(1), "0"
    for found in STATEMENT.finditer(code):
        if not DECLARATION.match(found.group(1)):
            yield found.start(1), found.end(1), ";"


def whole_lines(source, start, end):
    """The lines around a place as one, without the blanks."""
    first = source.rfind("\n", 0, start) + 1
    last = source.find("\n", end)
    return first, last


def mutants_of(file):
    with open(file, encoding="utf-8") as opened:
        source = opened.read()
    lines_alike = {}
    for start, end, text in sorted(set(changes(source))):
        first, last = whole_lines(source, start, end)
        before = " ".join(source[first:last].split())
        after = " ".join((source[first:start] + text + source[end:last]).split())
        line = source.count("\n", 0, start) + 1
        alike = lines_alike.setdefault(before, [])
        if line not in alike:
            alike.append(line)
        number = alike.index(line) + 1
        place = file if number == 1 else f"{file}#{number}"
        yield Mutant(file, start, end, text, line, place, before, after)


# ---- What is listed as equivalent ----

def read_equivalents():
    """Where each (place, before, after) stands, in lines "PLACE: BEFORE => AFTER // REASON". The
    place is a file, or FILE#2 for the second of the lines that are alike in it."""
    listed = {}
    with open(EQUIVALENTS, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                found = re.fullmatch(r"(\S+): (.+) => (.+?) // \S.*", line.strip())
                if not found:
                    sys.exit(f"{EQUIVALENTS}:{number}: not PLACE: BEFORE => AFTER // REASON")
                listed[found.groups()] = number
    return listed


# ---- Trying them ----

COMPILE = ["gcc", "-std=c11", "-D_DEFAULT_SOURCE", "-Iinclude", "-O1", "-w", "-fPIC",
           "-fvisibility=hidden"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
LIBS = ["-lcmocka", "-lcbor", "-ljansson", "-lsodium", "-lb64", "-lpthread"]


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Workshop:
    """A copy of the tree with all the tests built, and a folder for each worker."""

    def __init__(self, build, files, workers):
        self.root = os.path.join(os.path.abspath(build), "mutate")
        self.tree = os.path.join(self.root, "tree")
        self.files = files
        self.limits = {}
        self.seen = {}
        self.folders = queue.Queue()
        shutil.rmtree(self.tree, ignore_errors=True)
        for part in ("include", "src", "tests"):
            shutil.copytree(part, os.path.join(self.tree, part))
        shutil.copy2("Makefile", self.tree)
        for number in range(workers):
            folder = os.path.join(self.root, f"worker-{number}")
            os.makedirs(folder, exist_ok=True)
            self.folders.put(folder)
        self.tests = sorted({test for _, tests in files.values() for test in tests})
        self.objects = os.path.join(self.root, "base", "obj")
        self.build(workers)
        self.originals = {file: self.original(file, tests) for file, (_, tests) in files.items()}

    def build(self, workers):
        programs = [f"../base/tests/test_{test}" for test in self.tests]
        subprocess.run(["make", "-s", f"-j{workers}", "BUILD=../base", "CFLAGS=-O1", *programs],
                       cwd=self.tree, check=True, stdout=subprocess.DEVNULL)
        self.library = os.path.join(self.root, "base", "libwafer.a")
        self.support = [f"tests/{name}" for name in sorted(os.listdir(f"{self.tree}/tests"))
                        if name.endswith(".c") and not name.startswith("test_")]
        self.wraps = {}
        for test in self.tests:
            names = subprocess.run(["nm", self.object_of(f"tests/test_{test}.c")], check=True,
                                   text=True, capture_output=True).stdout
            self.wraps[test] = re.findall(r" T __wrap_(\w+)", names)
        self.users = self.read_users()

    def object_of(self, source):
        return os.path.join(self.objects, source.replace(".c", ".o"))

    def read_users(self):
        """By file, the sources that are compiled anew for it: itself, and those that include it."""
        core = [f"src/{name}" for name in sorted(os.listdir(f"{self.tree}/src"))
                if name.endswith(".c")]
        tests = [f"tests/test_{test}.c" for test in self.tests]
        users = collections.defaultdict(list)
        for source in core + self.support + tests:
            with open(self.object_of(source)[:-2] + ".d", encoding="utf-8") as lines:
                for file in set(lines.read().split()):
                    users[file].append(source)
        return users

    def started(self, program, place):
        """The program, running. A process forked a moment ago may still have it open to write."""
        # Memory that malloc gives holds no zeros, so that nothing passes that relies on them; and
        # the first test that fails ends the program.
        environment = dict(os.environ, WAFER_TEST_SEED="1", WAFER_TEST_TMPDIR=place,
                           MALLOC_PERTURB_="165", CMOCKA_TEST_ABORT="1")
        for attempt in range(50):
            try:
                return subprocess.Popen([program], cwd=self.tree, start_new_session=True,
                                        env=environment, preexec_fn=no_core,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
            except OSError as error:
                if error.errno != errno.ETXTBSY or attempt == 49:
                    raise
                time.sleep(0.1)

    def passes(self, program, limit):
        """Whether the program ends well in time. It leads a group, so that its children end too."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, \
                self.started(program, place) as running:
            try:
                return running.wait(limit) == 0
            except subprocess.TimeoutExpired:
                return False
            finally:
                try:
                    os.killpg(running.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def changed_folder(self, file, source, folder):
        """A folder with all headers of src/ and this file, changed, for those who include it."""
        changed = os.path.join(folder, "changed")
        shutil.rmtree(changed, ignore_errors=True)
        os.mkdir(changed)
        for name in os.listdir(f"{self.tree}/src"):
            if name.endswith(".h"):
                shutil.copy2(f"{self.tree}/src/{name}", changed)
        with open(os.path.join(changed, os.path.basename(file)), "w", encoding="utf-8") as opened:
            opened.write(source)
        return changed

    def compiled(self, file, source, folder, flags=()):
        """The object's path for each source that is compiled anew, and a digest, or None."""
        users = [user for user in self.users[file]
                 if user[11:-2] in self.files[file][1] or not user.startswith("tests/test_")]
        changed = "src" if users == [file] else self.changed_folder(file, source, folder)
        objects = {}
        digest = hashlib.sha256()
        for user in users:
            objects[user] = os.path.join(folder, user.replace("/", "-") + ".o")
            with open(os.path.join(self.tree, user), encoding="utf-8") as opened:
                text = source if user == file else opened.read()
            # From standard input, as the object would tell each folder's name, and as the folder
            # of the source is the first in which quoted names are looked for.
            done = subprocess.run([*COMPILE, *flags, "-iquote", changed, "-iquote", "src",
                                   "-iquote", "tests", "-c", "-x", "c", "-o", objects[user], "-"],
                                  cwd=self.tree, input=text, text=True, stderr=subprocess.DEVNULL,
                                  check=False)
            if done.returncode != 0:
                return None
            with open(objects[user], "rb") as opened:
                digest.update(opened.read())
        return objects, digest.digest()

    def original(self, file, tests):
        """The source and the digest of its object. Its tests must pass, and tell their times."""
        with open(os.path.join(self.tree, file), encoding="utf-8") as opened:
            source = opened.read()
        folder = self.folders.get()
        for flags in (SANITIZE, ()):
            objects, digest = self.compiled(file, source, folder, flags)
            for test in tests:
                self.limits[test] = 60
                started = time.monotonic()
                if not self.survives(objects, folder, [test], flags):
                    sys.exit(f"test_{test} fails without any change {' '.join(flags)}")
                self.limits[test] = 2 + 5 * (time.monotonic() - started)
        self.folders.put(folder)
        return source, digest

    def survives(self, objects, folder, tests, flags=()):
        for test in tests:
            program = os.path.join(folder, f"test_{test}")
            own = f"tests/test_{test}.c"
            parts = [objects.get(source, self.object_of(source)) for source in (own, *self.support)]
            # What a test includes is not linked beside it.
            parts += [path for source, path in objects.items()
                      if source.startswith("src/") and own not in self.users[source]]
            subprocess.run(
                ["gcc", *flags, "-o", program, *parts, self.library,
                 *(f"-Wl,--wrap={name}" for name in self.wraps[test]), *LIBS],
                stderr=subprocess.DEVNULL, check=True)
            if not self.passes(program, self.limits[test] * (4 if flags else 1)):
                return False
        return True

    def survives_twice(self, mutant, changed, objects, folder, tests):
        if not self.survives(objects, folder, tests):
            return False
        sanitized = self.compiled(mutant.file, changed, folder, SANITIZE)[0]
        return self.survives(sanitized, folder, tests, SANITIZE)

    def try_one(self, mutant, tests):
        """What came of it: killed, survived, same (code) or not compiled."""
        source, digest = self.originals[mutant.file]
        folder = self.folders.get()
        try:
            changed = source[:mutant.start] + mutant.text + source[mutant.end:]
            done = self.compiled(mutant.file, changed, folder)
            if done is None:
                return "not compiled"
            if done[1] == digest:
                return "same"
            if done[1] not in self.seen:
                survived = self.survives_twice(mutant, changed, done[0], folder, tests)
                self.seen[done[1]] = "survived" if survived else "killed"
            return self.seen[done[1]]
        finally:
            self.folders.put(folder)


# ---- All of it ----

def read_files(wanted):
    """The (module, tests) of each file, of the wanted module only."""
    files = {}
    for line in FILES.split("\n"):
        if line.strip():
            module, file, *tests = line.split()
            files[file] = module, tests
    if wanted and wanted not in {module for module, _ in files.values()}:
        sys.exit(f"there is no module {wanted}")
    return files, {file: entry for file, entry in files.items() if wanted in (None, entry[0])}


def run_module(module, chosen, listed, files, workshop, workers):
    """Tries the mutants of a module, prints what came of them and returns its score."""
    started = time.monotonic()
    count = collections.Counter()
    survivors = []
    to_try = []
    for mutant in chosen:
        if (mutant.place, mutant.before, mutant.after) in listed:
            count["equivalent"] += 1
        else:
            to_try.append(mutant)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        results = pool.map(lambda each: workshop.try_one(each, files[each.file][1]), to_try)
        for mutant, result in zip(to_try, results):
            count["equivalent" if result == "same" else result] += 1
            if result == "survived":
                survivors.append(mutant)
                print(f"{mutant.file}:{mutant.line}: {mutant.before} => {mutant.after}", flush=True)
    tried = count["killed"] + count["survived"]
    score = 100 * count["killed"] / tried if tried else 100
    print(f"{module:12}{len(chosen):8}{count['killed']:8}{count['survived']:10}"
          f"{count['equivalent']:12}{count['not compiled']:14}{score:8.1f}"
          f"{time.monotonic() - started:9.0f}\n", flush=True)
    return score


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?", default="build")
    parser.add_argument("--module")
    parser.add_argument("--file", help="only this file of the module")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--list", action="store_true", help="show the mutants, try none")
    options = parser.parse_args()

    everything, files = read_files(options.module)
    if options.file:
        files = {options.file: files[options.file]}
    mutants = {file: list(mutants_of(file)) for file in everything}
    listed = read_equivalents()
    for made in mutants.values():
        for mutant in made:
            listed.pop((mutant.place, mutant.before, mutant.after), None)
    for (place, before, after), number in listed.items():
        print(f"{EQUIVALENTS}:{number}: no mutant is {place}: {before} => {after}")
    if options.list:
        for mutant in (mutant for file in files for mutant in mutants[file]):
            print(f"{mutant.file}:{mutant.line}: {mutant.before} => {mutant.after}")
        sys.exit(bool(listed))

    stale, listed = bool(listed), read_equivalents()
    workshop = Workshop(options.build, files, options.jobs)
    if options.sample:
        print(f"{options.sample} of each module's mutants, --seed {options.seed}")
    print(f"{'module':12}{'mutants':>8}{'killed':>8}{'survived':>10}{'equivalent':>12}"
          f"{'not compiled':>14}{'score':>8}{'seconds':>9}", flush=True)
    scores = []
    for module in dict.fromkeys(module for module, _ in files.values()):
        chosen = [mutant for file in files if files[file][0] == module for mutant in mutants[file]]
        if options.sample and options.sample < len(chosen):
            chosen = sorted(random.Random(options.seed).sample(chosen, options.sample))
        scores.append(run_module(module, chosen, listed, files, workshop, options.jobs))
    sys.exit(stale or min(scores) < AIM)


if __name__ == "__main__":
    main()
