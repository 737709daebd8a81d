"""README, --help, the manual page and the completions say what is true: every option is everywhere,
every command of README and --help runs, and the shells complete.
"""
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/support")
import harness
from harness import SAMPLES, SOURCE, check


def output(*command, **options):
    run = harness.execute(command, status=None, **options)
    # Findings make the exit status of check 1; then standard error is silent.
    found = "tracebraid check" in command[-1] and run.status == 1 and not run.errors
    check(run.status == 0 or found, f"{command}: {run.status} {run.errors}")
    return run.text


def completed_by_bash(script, words):
    """What bash offers for the last of `words`."""
    line = " ".join(f"'{word}'" for word in words)
    return output("bash", "-c", f"source {script}; COMP_WORDS=({line}); "
                  f"COMP_CWORD={len(words) - 1}; compopt() {{ :; }}; "
                  f"_{words[0]}; printf '%s\\n' \"${{COMPREPLY[@]}}\"").split()


def completed_by_zsh(script, words):
    """The long options that zsh is told of behind `words`."""
    told = output("zsh", "-fc", f"""
        _arguments() {{ specs=("$@"); [[ $1 != -C ]] || {{ state=({"words" * (len(words) > 1)}); line=({" ".join(words[1:])}) }} }}
        functions[complete_it]=$(<{script})
        complete_it
        print -l -- $specs""")
    return re.findall(r"^\*(--[a-z-]+)=?\[", told, re.M)


# What the shells offer for the beginning of an option.
COMPLETIONS = {"cprof2callgrind": ("--str", {"--strip-prefix", "--strip-dirs"}),
               "cprofcalls": ("--f", {"--format", "--fields"}),
               "greenletswitches": ("--sc", {"--script", "--schema"}),
               "pcapflows": ("--se", {"--segments", "--server-ports"}),
               "stracecalls": ("--re", {"--records"}),
               "tracebraid": ("--ver", {"--version"}),
               "tracebraid callgrind": ("--by", {"--by-greenlet"}),
               "tracebraid check": ("--li", {"--list"}),
               "tracebraid diff": ("--al", {"--alpha", "--all", "--allow-missing"}),
               "tracebraid sockets": ("--a", {"--all"}),
               "tracebraid merge": ("--j", {"--join-parts"}),
               "tracebraid timeline": ("--no", {"--no-fold"}),
               "tracebraid top": ("--m", {"--measure"})}
# Programs of --help and README that need a screen, a network or the right to capture.
STAND_INS = {"kcachegrind": 'test -s "$1"', "qcachegrind": 'test -s "$1"',
             "tcpdump": 'case "$*" in *"-w -"*) cat "$CAPTURE" ;; esac', "libreoffice": 'test -s "$1"', "duckdb": "cat > /dev/null",
             "strace": 'test -n "$1"', "bpftrace": 'test -s "$3"', "pgrep": "echo 1",
             "zeek-cut": 'grep -q "^#fields" && test -n "$1"'}
CAPTURE = SAMPLES / "eventlet-capture/server.pcap"
STORM = SAMPLES / "accept-storm"
has_greenlets = list(pathlib.Path("/usr/lib/python3/dist-packages/greenlet").glob("_greenlet*.so"))


def binary_of(program):
    return [harness.PROGRAMS / program.split()[0], *program.split()[1:]]


def check_options(program, place):
    """Every option is in every text; the texts are kept in `place`. Returns the options."""
    binary = binary_of(program)
    manual = output(*binary, "--help")
    options = sorted(set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", manual, re.M)))
    least = 1 if program == "tracebraid" else 9  # whose options are the analyzers'
    check(len(options) >= least, f"{program}: options {options}")
    texts = {"-h": output(*binary, "-h")}
    # Shells complete the first word's program, the analyzers' options too.
    main = program.split()[0]
    for kind in ("man", "bash", "zsh", "fish"):
        command = binary if kind == "man" else binary[:1]
        texts[kind] = output(*command, "--generate", kind)
        (place / f"{program if kind == 'man' else main}.{kind}").write_text(texts[kind])
    for option in options:
        for kind, text in texts.items():
            plain = text.replace("\\-", "-").replace("-l ", "--")
            check(option in plain, f"{program}: {option} is not in {kind}")
    for kind, text in (("-h", texts["-h"]), ("--help", manual)):
        # An example is not broken into lines.
        wide = [line for line in text.splitlines()
                if len(line) > 80 and not re.match(r"    \S", line)]
        check(not wide, f"{program} {kind}: wider than a terminal: {wide}")
    if shutil.which("man"):
        run = harness.execute(["man", "--warnings", "-l", place / f"{program}.man"],
                              environment={"MANWIDTH": 80, "LC_ALL": "C.UTF-8"})
        check(not run.errors, f"man: {run.errors}")
        check("EXAMPLES" in run.text, "the manual page has no examples")
    return options


def check_completions(program, options, place):
    main, (word, wanted) = program.split()[0], COMPLETIONS[program]
    completed = completed_by_bash(place / f"{main}.bash", [*program.split(), word])
    check(set(completed) == wanted, f"bash: {program} {word}: {completed}")
    if shutil.which("fish"):
        completed = output("fish", "-c", f"source {place / main}.fish; "
                                         f"complete -C '{program} {word}'")
        check({line.split("\t")[0] for line in completed.splitlines()} == wanted,
              f"fish: {completed}")
    if shutil.which("zsh"):
        completed = set(completed_by_zsh(place / f"{main}.zsh", program.split()))
        check(completed >= wanted and completed == set(options), f"zsh: {program}: {completed}")


def check_analyzers_completions(script):
    """The analyzers themselves, files, and what an option of theirs takes."""
    check(completed_by_bash(script, ["tracebraid", "s"]) == ["sockets"], "bash: no analyzers")
    check("--all" not in completed_by_bash(script, ["tracebraid", "--"]), "bash: options too early")
    check("--all" in completed_by_bash(script, ["tracebraid", "sockets", "a.pcap", "--"]),
          "bash: no options behind an input")
    check(completed_by_bash(script, ["tracebraid", "top", "-f", "js"]) == ["jsonl"], "bash: -f")
    check(completed_by_bash(script, ["tracebraid", "top", str(script.parent / "tracebraid.b")]) ==
          [str(script)], "bash: no files")


def stand_ins_in(folder):
    """Makes them there; the environment that has them in front."""
    folder.mkdir()
    for name, body in STAND_INS.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return {"CAPTURE": CAPTURE, "PATH": f"{folder}:{harness.PATH}"}


def lay_out(work):
    """The files that the examples of --help name."""
    for name in ("server.pcap", "day.pcap1", "day.pcap2"):
        shutil.copy(CAPTURE, work / name)
    shutil.copy(SAMPLES / "eventlet-strace/server.strace", work)
    for path in STORM.iterdir():
        shutil.copy(path, work)
    for name in ("profile.cprof", "worker-1.cprof", "worker-2.cprof"):
        shutil.copy(harness.profiles()[0], work / name)
    subprocess.run(["zstd", "-q", "profile.cprof", "-o", "profile.cprof.zst"], cwd=work)
    (work / "perf-12467.map").write_text("7f0000001000 b py::main:/srv/server.py\n")
    candidate = SAMPLES / "release-candidate"
    for name, run in {"before": "stable-1", "after": "candidate-1", "stable": "stable-2",
                      "candidate": "stable-3"}.items():
        shutil.copytree(candidate / run, work / name)
    for name, run in {"stable": "stable-1", "candidate": "candidate-1"}.items():
        shutil.copy(candidate / run / "profiling.cprof", work / f"{name}.cprof")
    for number in "123":
        for name, run in {"a": f"stable-{number}", "b": f"candidate-{number}"}.items():
            shutil.copy(candidate / run / "profiling.cprof", work / f"{name}{number}.cprof")
            shutil.copy(candidate / run / "strace.log", work / f"{name}{number}.strace")
    (work / "server.py").write_text("import sys\nassert sys.argv[1:] == ['--port', '8000']\n")


def check_examples(program, work, environment):
    """Those of --help run, where a viewer or a server stands in for the real one."""
    manual = output(*binary_of(program), "--help")
    examples = re.findall(r"^    (\S.*)$", manual[manual.index("\nExamples:\n"):], re.M)
    check(len(examples) >= 2, f"{program}: examples {examples}")
    work.mkdir()
    lay_out(work)
    for example in examples:
        if has_greenlets or "--script" not in example:
            output("bash", "-o", "pipefail", "-c", example, folder=work, environment=environment)


def check_readme(work, environment):
    """Every line of its ```sh blocks, in a copy of the samples, after ./dev's own commands; and what
    it shows is what comes out."""
    readme = (SOURCE / "README.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", readme, re.M | re.S)
    check(len(blocks) >= 2, "README has no commands")
    work.mkdir()
    shutil.copytree(SAMPLES, work / "samples")
    for path in (CAPTURE, SAMPLES / "eventlet-strace/server.strace", *STORM.iterdir()):
        shutil.copy(path, work)
    (work / "your_server.py").write_text("sum(range(9))\n")
    for line in "".join(blocks).splitlines():
        if line.startswith("./dev"):
            check(line.split()[1] in (SOURCE / "dev").read_text(), f"README: {line}")
        elif "--script /usr/lib" in line and not has_greenlets:
            print("skipped: python3-greenlet is not installed")
        elif "bpftrace" in line and not (work / "switches.bt").exists():
            pass
        elif line.strip() and not line.startswith(("#", "sudo ", "git ")):
            output("bash", "-o", "pipefail", "-c", line, folder=work, environment=environment)
    shown = re.search(r"^```text\n(ERROR error_loop.*?)```", readme, re.M | re.S).group(1)
    told = output("bash", "-c", "tracebraid check strace.log tcpdump.pcap greenlet.bt.txt "
                  "profiling.cprof", folder=work, environment=environment)
    check(told.startswith(shown), "README: the opening example says something else")
    # And what it shows of two versions: lines of the report, some left out.
    shown = re.search(r"^```text\n(A: .*?)^```", readme, re.M | re.S).group(1)
    told = output("bash", "-c", "cd samples/release-candidate && tracebraid diff stable-* -- "
                  "candidate-*", folder=work, environment=environment)
    lines = iter(told.splitlines())
    for line in shown.splitlines():
        check(line.strip() == "…" or line in lines, f"README: tracebraid diff does not say {line}")
    for link in re.findall(r"\]\(([^)#:]+)\)|<img [^>]*src=\"([^\"]+)\"", readme):
        target = link[0] or link[1]
        check((SOURCE / target).exists(), f"README: {target} is missing")


with harness.folder() as place:
    environment = stand_ins_in(place / "bin")
    for program in COMPLETIONS:
        options = check_options(program, place)
        check_completions(program, options, place)
        check_examples(program, place / f"examples-{program}", environment)
    check_analyzers_completions(place / "tracebraid.bash")
    check_readme(place / "readme", environment)
harness.finish()
