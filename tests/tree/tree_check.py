# SPDX-License-Identifier: Apache-2.0
"""The rules that this repository keeps about itself. Each failure says what to do instead."""

import functools
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# docs/architecture.md in executable form: which of our folders each folder may include. Change both.
LAYERS = {
    "shedder": set(),
    "config": {"shedder"},
    "proxy/sql": set(),
    "proxy/wire": {"proxy/sql"},
    "proxy/postgres": {"proxy/wire", "proxy/sql"},
    "proxy/session": {"proxy/wire", "proxy/sql", "config", "shedder"},
    "proxy/log": {"config", "shedder"},
    "proxy/recording": {"shedder"},
    "proxy/state": {"shedder"},
    "proxy/net": {"proxy/session", "proxy/wire", "proxy/log", "proxy/recording", "config", "shedder"},
    "proxy/admin": {"proxy/session", "config", "shedder"},
    "proxy/loadgen": {"proxy/wire", "config", "shedder"},
    # One layer; the folder of the rivals only keeps them together.
    "proxy/simulator": {
        "proxy/simulator/baselines", "proxy/loadgen", "proxy/recording", "config", "shedder"},
    "proxy/simulator/baselines": {"proxy/simulator", "shedder"},
}
# proxy/*.cc, the composition root, may include every layer.
COMPOSITION_ROOT = "proxy"

# Third parties, and the only folders that may know them.
THIRD_PARTIES = {
    "event2/": {"proxy/net", "proxy/loadgen"},
    "spdlog/": {"proxy/log"},
    "yaml-cpp/": {"config", "proxy/loadgen", "proxy/simulator"},
    "boost/": {"proxy/admin"},
    "prometheus/": {"proxy/admin"},
    "openssl/": {"proxy/postgres", "proxy/loadgen"},
    "nlohmann/": {
        "proxy/admin", "proxy/loadgen", "proxy/simulator", "proxy/state", COMPOSITION_ROOT},
    "CLI/": {COMPOSITION_ROOT, "proxy/loadgen", "proxy/simulator"},
    "sys/socket.h": {"proxy/net", "proxy/loadgen"},
    "sys/epoll.h": {"proxy/net"},
}

LAYERED = set(LAYERS)
# Where bytes move: sockets, threads, clocks.
DOING = {"proxy/net", "proxy/admin", "proxy/loadgen"}
PURE = LAYERED - DOING - {"proxy/log"}
# (what, where it is banned, what to do instead)
BANS = [
    (r"\b(steady|system|high_resolution)_clock::now\b|\bclock_gettime\b|\bgettimeofday\b",
     PURE, "take the time as an argument (shedder/clock.h)"),
    (r"\bstd::j?thread\b|\bpthread_create\b|\bstd::async\b", LAYERED - DOING,
     "post to an event loop of proxy/net; threads are made where bytes move, and in proxy/app"),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep)\b|(?<![\w:.])sleep\s*\(", LAYERED,
     "arm a timer of proxy/net's event loop"),
    (r"\bs?rand(om)?\s*\(|\brandom_device\b|\bmt19937", LAYERED,
     "take a seed as an argument (shedder/rng.h)"),
    (r"\bstd::(cout|cerr|clog)\b|(?<!\w)f?printf\s*\(", LAYERED,
     "return what happened; proxy/log writes logs, proxy/main prints"),
    (r"\bthrow\b", PURE, "return tl::expected or std::error_code"),
    (r"\busing namespace std\b(?!::\w*literals)", LAYERED, "name what you use"),
    (r"\bstd::(regex|list|deque)\b", {"shedder", "proxy/sql", "proxy/wire", "proxy/session"},
     "allocates on the hot path: write a small scanner, or use a vector"),
    (r"\bgetenv\b", LAYERED - {"proxy/loadgen"}, "take it from the configuration"),
    (r"\b(str(cpy|cat)|sprintf|gets|atoi|strtok)\s*\(", LAYERED, "std::span, fmt, std::from_chars"),
]
# (file, what): why it may.
EXCEPTIONS = {
    ("proxy/simulator/run_cells.cc", "std::thread"): "independent runs; each is one thread's alone",
    ("proxy/postgres/scram.cc", "throw"): "OpenSSL out of memory; a login of the load generator's own",
}


@functools.cache
def files():
    """Every file of the project, whether committed yet or not, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    return [pathlib.PurePosixPath(name) for name in listed if (ROOT / name).is_file()]


def sources(*suffixes, top=("shedder", "config", "proxy", "signals")):
    return [path for path in files() if path.suffix in suffixes and path.parts[0] in top]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def code_lines(path):
    """(line number, line) without comments and the contents of string literals."""
    text = read(path)

    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return "\n" * found.count("\n") or " "
        return '""' + "\n" * found.count("\n")

    text = re.sub(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)
    return list(enumerate(text.splitlines(), start=1))


def includes(path):
    pattern = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')
    for number, line in enumerate(read(path).splitlines(), start=1):
        if match := pattern.match(line):
            yield number, match[2], match[1] == '"'


def report(problems):
    assert not problems, "\n" + "\n".join(problems)


def test_there_is_something_to_check():
    assert len(sources(".cc")) > 20 and len(files()) > 60


def test_includes_point_down():
    problems = []
    for path in sources(".h", ".cc"):
        folder = str(path.parent)
        for number, name, is_ours in includes(path):
            if not is_ours or folder == COMPOSITION_ROOT:
                continue
            target = str(pathlib.PurePosixPath(name).parent)
            allowed = LAYERS.get(folder)
            if allowed is None:
                problems.append(f"{path}: folder {folder} is in no layer; add it to LAYERS and to"
                                " docs/architecture.md")
                break
            if target != folder and target not in allowed:
                problems.append(f"{path}:{number}: {folder} may not include {name}; it may include"
                                f" {sorted(allowed) or 'nothing of ours'} (docs/architecture.md)")
    report(problems)


def test_our_includes_exist_and_are_written_from_the_root():
    problems = []
    for path in sources(".h", ".cc", top=("shedder", "config", "proxy", "signals", "tests")):
        for number, name, is_ours in includes(path):
            made_by_cmake = (ROOT / f"{name}.in").is_file()
            if is_ours and not made_by_cmake and not (ROOT / name).is_file():
                problems.append(f'{path}:{number}: no file "{name}"; write the path from the root')
    report(problems)


def test_third_parties_stay_where_they_belong():
    problems = []
    for path in sources(".h", ".cc"):
        folder = str(path.parent)
        for number, name, is_ours in includes(path):
            for prefix, allowed in THIRD_PARTIES.items():
                if not is_ours and name.startswith(prefix) and folder not in allowed:
                    problems.append(f"{path}:{number}: <{name}> belongs to {sorted(allowed)} only")
    report(problems)


def test_only_the_composition_root_knows_postgres():
    """A second protocol comes: what is Postgres's must not be everywhere."""
    problems = []
    for path in sources(".h", ".cc"):
        if str(path.parent) in (COMPOSITION_ROOT, "proxy/postgres"):
            continue
        for number, name, _ in includes(path):
            if name.startswith("proxy/postgres/"):
                problems.append(f"{path}:{number}: includes {name}; use the interface in proxy/wire")
    report(problems)


def test_banned_calls():
    problems = []
    for path in sources(".h", ".cc"):
        for pattern, folders, instead in BANS:
            if str(path.parent) not in folders:
                continue
            for number, line in code_lines(path):
                match = re.search(pattern, line)
                if match and (str(path), match[0].strip()) not in EXCEPTIONS:
                    problems.append(f"{path}:{number}: {match[0].strip()} is banned here: {instead}")
    report(problems)


def test_banned_words_in_names():
    """They say nothing about what a thing is for."""
    words = r"(Manager|Helper|Util|Utils|Impl|Base|Handler|Processor)"
    problems = []
    for path in sources(".h", ".cc", top=("shedder", "config", "proxy", "signals", "tests")):
        if re.search(r"(^|_)(manager|helper|util|utils|impl|base|handler|misc|common)(_|\.|$)", path.name):
            problems.append(f"{path}: name it after what it does")
        for number, line in code_lines(path):
            if match := re.search(rf"\b(?:class|struct|enum class) (\w*{words})\b", line):
                problems.append(f"{path}:{number}: {match[1]}: name it after what it does")
    report(problems)


def test_every_pure_source_has_its_unit_test():
    mirrored = {"shedder", "config", "proxy/wire", "proxy/sql", "proxy/postgres", "proxy/session",
                "proxy/recording", "proxy/state"}
    problems = [
        f"{path}: write tests/unit/{path.parent}/{path.stem}_test.cc"
        for path in sources(".cc")
        if str(path.parent) in mirrored
        and not (ROOT / "tests/unit" / path.parent / f"{path.stem}_test.cc").is_file()
    ]
    report(problems)


def test_every_source_is_built():
    listed = {}
    for path in files():
        if path.name == "CMakeLists.txt":
            words = re.findall(r"[\w./-]+", read(path))
            listed.setdefault(str(path.parent), set()).update(words)

    def is_listed(path):
        return any(
            str(path.relative_to(folder)) in words or path.stem in words
            for folder, words in listed.items()
            if folder == "." or path.is_relative_to(folder)
        )

    problems = [
        f"{path}: in no CMakeLists.txt: list it, or delete it"
        for path in sources(".cc", ".h", top=("shedder", "config", "proxy", "signals", "tests"))
        if not is_listed(path) and not (path.suffix == ".h" and path.parts[0] == "tests")
        and not (path.suffix == ".h" and _is_private(path))
    ]
    report(problems)


def _is_private(header):
    """Included from its own folder: a header that no other layer sees needn't be in the file set."""
    return any(
        name == str(header)
        for path in sources(".cc", ".h")
        if path.parent == header.parent and path != header
        for _, name, _ in includes(path)
    )


def is_script(path):
    return path.suffix == "" and read_start(path).startswith("#!")


def read_start(path):
    with open(ROOT / path, "rb") as file:
        return file.read(200).decode("utf-8", "replace")


def test_every_source_names_its_licence():
    code = {".cc", ".h", ".py", ".js", ".java", ".cmake"}
    problems = [
        f"{path}: begin with the comment 'SPDX-License-Identifier: Apache-2.0'"
        for path in files()
        if path.name != "__init__.py"
        and (path.suffix in code or path.name == "CMakeLists.txt" or is_script(path))
        and "SPDX-License-Identifier: Apache-2.0" not in "".join(read_start(path).splitlines()[:2])
    ]
    report(problems)


def test_headers_are_guarded_and_scripts_executable():
    problems = []
    for path in files():
        if path.suffix == ".h" and "\n#pragma once\n" not in read(path):
            problems.append(f"{path}: add #pragma once")
        if is_script(path) and not os.access(ROOT / path, os.X_OK):
            problems.append(f"{path}: chmod +x")
    report(problems)


def test_open_ends_name_their_issue():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\)|:? ?#\d+)")
    problems = []
    for path in files():
        if path == pathlib.PurePosixPath("tests/tree/tree_check.py"):
            continue
        if path.suffix in {".cc", ".h", ".py", ".js", ".java", ".md", ".txt", ".cmake"} or is_script(path):
            for number, line in enumerate(read(path).splitlines(), start=1):
                if match := marks.search(line):
                    problems.append(f"{path}:{number}: {match[1]} without an issue: {match[1]}(#N)")
    report(problems)


def shell_lines(path):
    """Commands in the shell blocks of a page."""
    for block in re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", read(path),
                            flags=re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            yield line.removeprefix("$ ").split(" #")[0].strip()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_what_the_first_pages_tell_to_run_exists(page):
    presets = {p["name"] for p in json.loads(read("CMakePresets.json"))["configurePresets"]}
    commands, problems = 0, []
    for line in shell_lines(page):
        for word in re.findall(r"(?:^|\s)((?:\./)?(?:scripts|examples|docs|\.ci|tests)/[\w./-]+)", line):
            commands += 1
            path = ROOT / word
            if not path.exists():
                problems.append(f"{page}: {word} does not exist")
            elif word.startswith(("./scripts", "scripts", ".ci")) and not os.access(path, os.X_OK):
                problems.append(f"{page}: {word} is not executable")
        for preset in re.findall(r"--preset[ =](\w+)", line):
            commands += 1
            if preset not in presets:
                problems.append(f"{page}: no preset {preset}")
    report(problems)
    assert commands > 0, f"{page} tells nobody what to run"


def test_links_between_pages_lead_somewhere():
    problems = []
    for path in files():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read(path)):
            if "://" in target or target.startswith("mailto:"):
                continue
            if not (ROOT / path.parent / target).exists():
                problems.append(f"{path}: link to {target}, which does not exist")
    report(problems)


def test_dashboards_show_metrics_that_exist():
    exported = set(re.findall(r'"((?:loadline|process)_\w+)"', read("proxy/admin/metric_families.cc")))
    assert exported
    problems = []
    for path in files():
        if path.parts[0] != "dashboards" or path.suffix not in (".json", ".yaml", ".yml"):
            continue
        for name in set(re.findall(r"\b((?:loadline|process)_\w+)", read(path))):
            if name not in exported and re.sub(r"_(bucket|sum|count)$", "", name) not in exported:
                problems.append(f"{path}: no metric {name} in proxy/admin/metric_families.cc")
    report(problems)
