# SPDX-License-Identifier: Apache-2.0
"""What is handed out works where it lands: the Debian packages unpacked anywhere, and the wheel in an environment of its own.
tests/packages.sh installs, upgrades and removes the packages on machines that are thrown away."""
import os
import pathlib
import shutil
import subprocess
import sys

from harness import BUILD, SOURCE, Place, check, equal, main, run, skip

PACKAGES = {"ttalloc", "libttalloc1", "libttalloc-dev", "python3-ttalloc"}
PROGRAM = """
import ttalloc
with ttalloc.label("from python"):
    ttalloc.alloc(device=0, region=ttalloc.Region.DRAM, address=64, size_bytes=4096)
"""


def done(command, **options):
    result = run(command, timeout=120, **options)
    equal(result.returncode, 0, f"status of {command}\n{result.stdout}{result.stderr}")
    return result.stdout


def packages():
    """A place, and the directory in it into which all packages were unpacked."""
    place = Place()
    if not shutil.which("cpack") or not shutil.which("dpkg-shlibdeps") or not shutil.which("file"):
        skip("packages are made by cpack, dpkg-shlibdeps (dpkg-dev) and file")
    done(["cpack", "-G", "DEB", "-B", place.file("packages")], cwd=BUILD)
    found = sorted(pathlib.Path(place.file("packages")).glob("*.deb"))
    equal({path.name.split("_")[0] for path in found}, PACKAGES, "packages")
    files = {}
    for path in found:
        for line in done(["dpkg-deb", "-c", str(path)]).splitlines():
            name = line.split()[5]
            check(name.endswith("/") or name not in files, f"{name} is in {path.name} and {files.get(name)}")
            files[name] = path.name
        done(["dpkg-deb", "-x", str(path), place.file("root")])
    return place, pathlib.Path(place.file("root")) / "usr"


def recorded_label(place, usr, env, python=sys.executable):
    file = place.file("python.db")
    done([str(usr / "bin/ttalloc-recorder"), "-q", "-o", file, "--", python, "-c", PROGRAM], env=env)
    return done([str(usr / "bin/ttalloc-analyze"), "leaks", "--by", "label", "--format", "csv", file])


def packages_work_wherever_they_are_unpacked():
    place, usr = packages()
    libraries = usr / "lib"
    equal(sorted(path.name for path in (usr / "share/man").rglob("*.1")), ["ttalloc-analyze.1", "ttalloc-recorder.1"], "man pages")
    check("from python" in recorded_label(place, usr, place.env), "the label of a Python program")
    file = place.file("malloc.db")
    done([str(usr / "bin/ttalloc-recorder"), "-q", "-o", file, "--host-malloc", "--", "ls", "/"], env=place.env)
    check("HOST" in done([str(usr / "bin/ttalloc-analyze"), "peak", file]), "the host's malloc")
    env = {**place.env, "PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": str(libraries)}
    flags = done(["pkg-config", "--cflags", "--libs", "ttalloc"], env=env).split()
    done(["cc", "-o", place.file("hello"), str(SOURCE / "examples/hello.c"), *flags])
    done([place.file("hello")], env=env)


def the_wheel_brings_its_library():
    place = Place()
    made = subprocess.run(["cmake", "--build", str(BUILD), "--target", "wheel"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    wheels = sorted((BUILD / "wheel").glob("ttalloc-*.whl"), key=os.path.getmtime)
    if made.returncode != 0 or not wheels:
        skip(f"a wheel needs pip and setuptools: {made.stdout.strip().splitlines()[-1:]}")
    environment = run([sys.executable, "-m", "venv", place.file("venv")], timeout=120)
    if environment.returncode != 0:
        skip("there is no venv here")
    python = place.file("venv/bin/python")
    done([python, "-m", "pip", "install", "--no-index", str(wheels[-1])])
    where = done([python, "-c", "import ttalloc; print(ttalloc.__file__)"], cwd=place.path).strip()
    check((pathlib.Path(where).parent / "libttalloc.so.1").is_file(), f"no library beside {where}")
    # The recorder's own copy of the module stays out of the way: the environment's is the one that is asked.
    env = place.target_env(TT_ALLOC_TRACKING_ENABLED="1")
    said = done([python, "-c", "import ttalloc; print(ttalloc.enabled())"], env=env, cwd=place.path).strip()
    equal(said, "True", "the wheel's module finds its library")


main(packages_work_wherever_they_are_unpacked, the_wheel_brings_its_library)
