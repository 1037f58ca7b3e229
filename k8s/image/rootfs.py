#!/usr/bin/env python3
"""Assembles the root of the image from Debian's packages, the program and the models, as an ordinary user:

    rootfs.py PROGRAM FOLDER [libav ROOT]

With `libav`, only what FFmpeg's decoders add to a root that was assembled before.

Responsible for: which files are in it, and that nothing is missing. Not for: making an image of it (Dockerfile,
build.sh), nor for saying what it consists of and under which terms (sbom.py).

Runs on Debian 12, with models set up (`make setup-models`). The same packages give the same bytes.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
ARCHIVE = REPOSITORY / ".cache/image/packages"
HOME = pathlib.Path("opt/invigilator")
# What pipeline/decode/src/formats.rs asks for, as far as its terms are plain: VP8 and VP9 (libvpx), H.264
# (OpenH264), AV1 (libaom), MJPEG. Without FFmpeg there is no HEVC and no MPEG-4.
PLUGINS = """coreelements typefindfunctions app matroska isomp4 mpegtsdemux avi videoparsersbad jpegformat
    vpx openh264 aom jpeg""".split()
# Where Debian's alternatives lead, which are links that only an installation makes.
ALTERNATIVES = ["blas", "lapack"]
# Whom the image runs as, and what sandboxes mount something on.
USERS = "root:x:0:0::/root:/usr/sbin/nologin\nnonroot:x:65532:65532::/nonexistent:/usr/sbin/nologin\n"
GROUPS = "root:x:0:\nnonroot:x:65532:\n"
FOLDERS = ["dev", "etc/invigilator", "proc", "run", "sys", "var/lib/invigilator"]


def fail(problem):
    sys.exit(f"image: {problem}")


def run(*command, **options):
    """What a command prints."""
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def fetch(lists):
    """The archives of the packages in some lists, by name, in the versions that apt would install."""
    lines = [line for name in lists for line in (HERE / name).read_text().split("\n")]
    names = [line for line in lines if line and not line.startswith("#")]
    shown = run("apt-cache", "show", "--no-all-versions", *names)
    ARCHIVE.mkdir(parents=True, exist_ok=True)
    archives, missing = {}, []
    for entry in shown.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.split("\n") if ": " in line and line[0] != " ")
        name, version = fields["Package"], fields["Version"]
        escaped = version.replace(":", "%3a")
        archives[name] = ARCHIVE / f"{name}_{escaped}_{fields['Architecture']}.deb"
        if not archives[name].exists():
            missing.append(f"{name}={version}")
    if missing:
        # apt checks signatures and sizes.
        run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *missing, cwd=ARCHIVE)
    return archives


def unpack(archives, folder):
    """Puts the files of packages into a folder in which /lib is /usr/lib; tells which is whose."""
    owners = {}
    for name, archive in sorted(archives.items()):
        packed = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE)
        with tarfile.open(fileobj=packed.stdout, mode="r|") as files:
            for file in files:
                path = pathlib.PurePosixPath(file.name)
                if path.parts and path.parts[0] in ("lib", "lib64"):
                    path = "usr" / path
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                if file.issym():
                    place.symlink_to(file.linkname)
                elif file.isfile():
                    with place.open("wb") as copy:
                        shutil.copyfileobj(files.extractfile(file), copy)
                    place.chmod(file.mode)
                else:
                    continue
                owners[str(path)] = name
        if packed.wait() != 0:
            fail(f"{archive} cannot be unpacked")
    return owners


def needed(libraries, linker, objects):
    """Where all shared objects lie that some need, by name, looked for nowhere but in one folder."""
    places = {}
    paths = ":".join(str(folder) for folder in [libraries, *(libraries / name for name in ALTERNATIVES)])
    for item in objects:
        said = run(linker, "--inhibit-cache", "--library-path", paths, "--list", item, env={"LC_ALL": "C"})
        for line in said.split("\n"):
            name, _, found = line.strip().partition(" => ")
            # The linker itself has a whole path for its name.
            if not found or name.startswith("/"):
                continue
            if not found.startswith(str(libraries)):
                fail(f"{item} needs {name}, which no package holds (k8s/image/packages)")
            places[name] = pathlib.Path(found.split(" (")[0])
    return places


def manifest_text():
    """The manifest, without models that may be used for research only: those are not passed on."""
    parts = re.split(r"(?m)^(?=\[\[model\]\])", (REPOSITORY / "models/manifest.toml").read_text())
    return "".join(part for part in parts if 'training_data_terms = "research_only"' not in part)


def models():
    """The files of the models, and what runs them."""
    folder = REPOSITORY / "models"
    manifest = tomllib.loads(manifest_text())
    files = ["NOTICE", manifest["runtime"]["library"]]
    files += [f"onnx/{entry['name']}.onnx" for entry in manifest["model"]]
    absent = [file for file in files if not (folder / file).exists()]
    if absent:
        fail(f"{absent[0]} is missing; run: make setup-models")
    return {HOME / "models" / file: folder / file for file in files}


def collect(everything, program, plugins):
    """What belongs into the root, by the path that it has there."""
    linker = next(everything.glob("usr/lib/*/ld-linux-*"))
    libraries = linker.parent
    elements = [libraries / f"gstreamer-1.0/libgst{name}.so" for name in plugins]
    elements.append(libraries / "gstreamer1.0/gstreamer-1.0/gst-plugin-scanner")
    files = {HOME / "bin/invigilator": program, **models()}
    runtime = next(origin for path, origin in files.items() if path.suffix == ".so")
    files |= {item.relative_to(everything): item for item in elements}
    for name, place in needed(libraries, linker, [*elements, program, runtime]).items():
        files[libraries.relative_to(everything) / name] = place
    # Programs name their linker so.
    files[pathlib.Path("usr/lib64") / linker.name] = linker
    return files


def describe(root, everything, archives, names):
    """Says which packages files are of, where scanners of images look for that, and under which terms."""
    for name in sorted(names):
        described = root / "var/lib/dpkg/status.d" / name
        described.parent.mkdir(parents=True, exist_ok=True)
        described.write_text(run("dpkg-deb", "--field", archives[name]))
        terms = root / "usr/share/doc" / name / "copyright"
        terms.parent.mkdir(parents=True)
        shutil.copy(everything / "usr/share/doc" / name / "copyright", terms)


def furnish(root, everything):
    """What no package brings as a file: certificates in one, users, links, places to mount something on."""
    certificates = sorted((everything / "usr/share/ca-certificates").rglob("*.crt"))
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True)
    bundle.write_text("".join(path.read_text() for path in certificates))
    (root / HOME / "models/manifest.toml").write_text(manifest_text())
    (root / "etc/passwd").write_text(USERS)
    (root / "etc/group").write_text(GROUPS)
    for folder in [*FOLDERS, "tmp", "usr/bin"]:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("lib", "lib64"):
        (root / folder).symlink_to(f"usr/{folder}")
    (root / "usr/bin/invigilator").symlink_to(f"/{HOME}/bin/invigilator")


def level(root):
    """Gives everything the same owner and rights, whatever those of its origin were."""
    for path, folders, names in os.walk(root):
        for file in [pathlib.Path(path, name) for name in folders + names]:
            if not file.is_symlink():
                file.chmod(0o755 if file.is_dir() or os.access(file, os.X_OK) else 0o644)
    (root / "tmp").chmod(0o1777)


def leave_difference(root, base):
    """Takes away what another root holds already."""
    for path in [path for path in root.rglob("*") if path.is_symlink() or not path.is_dir()]:
        if path.is_symlink() or (base / path.relative_to(root)).exists():
            path.unlink()


def main():
    program, root = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    base = pathlib.Path(sys.argv[4]).resolve() if sys.argv[3:4] == ["libav"] else None
    if "VERSION_CODENAME=bookworm" not in pathlib.Path("/etc/os-release").read_text():
        fail("packages are taken from Debian 12, and this is another system")
    with tempfile.TemporaryDirectory() as work:
        everything = pathlib.Path(work).resolve()
        archives = fetch(["packages", "packages-libav"] if base else ["packages"])
        owners = unpack(archives, everything)
        files = collect(everything, program, [*PLUGINS, "libav"] if base else PLUGINS)
        for path, origin in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, root / path)
        packed = [origin.resolve() for origin in files.values() if everything in origin.parents]
        names = {owners[str(origin.relative_to(everything))] for origin in packed}
        describe(root, everything, archives, names | {"ca-certificates"})
        furnish(root, everything)
    level(root)
    if base:
        leave_difference(root, base)


main()
