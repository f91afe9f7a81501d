"""Which files are lit tests, which tools and substitutions they see, and which features this machine has."""

import ctypes
import os
import platform
import shutil
import subprocess

import lit.formats

config.name = "lathe"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["models", "Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.build_root, "test")
if not config.compiler:
    config.excludes += ["compiler", "dialects", "e2e", "frontends", "passes", "tools"]

# Our tools, then FileCheck, not and count.
path = [os.path.join(config.build_root, "bin"), config.llvm_tools, os.environ["PATH"]]
config.environment["PATH"] = os.pathsep.join(path)
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

if "address" in config.sanitize:
    # LLVM's own library is not instrumented: memory that its headers poison in our code, the library writes to.
    config.environment.setdefault("ASAN_OPTIONS", "allow_user_poisoning=0:detect_leaks=0")

shared = os.path.join(os.path.dirname(config.source_root), "shared")
config.substitutions += [
    ("%shared", shared),
    ("%models", os.path.join(config.test_source_root, "models")),
    ("%root", config.source_root),
    ("%build", config.build_root),
    ("%llvm_include", config.llvm_include),
    ("%python", config.python),
    ("%path", config.environment["PATH"]),
]


def loads(*names):
    """Returns the first of the shared libraries that this machine can load, or None."""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    return None


def has_gpu():
    driver = loads("libcuda.so.1")
    count = ctypes.c_int(0)
    return bool(driver) and driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value


def has_module(name):
    return subprocess.run([config.python, "-c", f"import {name}"], capture_output=True).returncode == 0


# Programs that link with the runtime take a system's plain C compiler, and bring a sanitizer along where it needs one.
# So does a Python that loads the runtime, before all else; C++'s library must be there when the sanitizer starts.
cc, preload = "cc", ""
if config.sanitize:
    clang = os.path.join(config.llvm_tools, "clang")
    cc = f"{clang} -fsanitize={config.sanitize.replace(';', ',')}"
    kind = "asan" if "address" in config.sanitize else "tsan"
    names = [f"libclang_rt.{kind}-{platform.machine()}.so", "libstdc++.so.6"]
    paths = [subprocess.run([clang, f"-print-file-name={n}"], capture_output=True, text=True).stdout.strip() for n in names]
    preload = f"env LD_PRELOAD={':'.join(paths)}"
config.substitutions += [("%cc", cc), ("%preload", preload)]

cuda = "/usr/local/cuda/lib64/"
# Makes a library that runs on the CPU of printed CUDA kernels: `%emulate k.cu -o k.so`.
clang = os.path.join(config.llvm_tools, "clang++")
kernels = os.path.join("compiler", "targets", "cuda", "kernels")
emulation = os.path.join(config.test_source_root, "compiler", "targets", "cuda", "EmulatedKernels.h")
config.substitutions.append(
    (
        "%emulate",
        f"{clang} -x c++ -std=c++20 -O1 -shared -fPIC -Wno-pass-failed -I{config.source_root}/{kernels} -I{config.source_root} -include {emulation}",
    )
)

features = {
    "cuda": has_gpu(),
    "mpirun": shutil.which("mpirun") and os.path.exists(os.path.join(config.build_root, "lib", "liblathe-mpi.so")),
    "clang-x86": platform.machine() == "x86_64" and os.path.exists(clang),
    "nvrtc": loads("libnvrtc.so.13", "libnvrtc.so", cuda + "libnvrtc.so")
    and loads("libnvJitLink.so.13", "libnvJitLink.so", cuda + "libnvJitLink.so"),
    "shared": os.path.isdir(os.path.join(shared, "data")),
    "python-llama-cpp": has_module("llama_cpp"),
    "python-onnxruntime": has_module("onnxruntime"),
    "python-gguf": has_module("gguf"),
    "python-ml-dtypes": has_module("ml_dtypes"),
    "python-numpy": has_module("numpy"),
    "python-onnx": has_module("onnx"),
    "python-jinja2": has_module("jinja2"),
    "asan": "address" in config.sanitize,
    "compiler": config.compiler,
}
config.available_features.update(name for name, present in features.items() if present)
