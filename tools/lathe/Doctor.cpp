#include "runtime/artifact/HostImage.h"
#include "runtime/cpu/AvailableCpus.h"
#include "tools/ExitCodes.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/Handles.h"
#include "tools/lathe/Ranks.h"

#include <CLI/CLI.hpp>
#include <dlfcn.h>
#include <fstream>
#include <iostream>
#include <link.h>
#include <sched.h>
#include <sstream>
#include <unistd.h>

namespace lathe::tools {

static std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "processor of unknown name";
}

static bool examineCpu() {
  std::string level = runtime::hostLevel();
  std::cout << "cpu: " << processorName() << ", "
            << (level.empty() ? "below x86-64-v3, which models need; use a processor with AVX2" : level) << "\n";
  cpu_set_t set;
  int affinity = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  std::ostringstream membership;
  membership << std::ifstream("/proc/self/cgroup").rdbuf();
  double quota = runtime::cgroupQuota(membership.str(), "/sys/fs/cgroup");
  std::cout << "  threads: " << runtime::availableCpus() << " (affinity " << affinity << " of "
            << sysconf(_SC_NPROCESSORS_CONF) << ", cgroup quota ";
  if (quota > 0)
    std::cout << quota << ")\n";
  else
    std::cout << "none)\n";
  double bytes = double(sysconf(_SC_PHYS_PAGES)) * double(sysconf(_SC_PAGE_SIZE));
  std::cout << "  memory: " << int64_t(bytes / (1 << 20)) << " MiB\n";
  return !level.empty();
}

static bool examineGpus() {
  int found = 0;
  while (true) {
    try {
      Device device = createDevice("cuda:" + std::to_string(found), 0);
      std::cout << lathe_device_description(device.get()) << "\n";
      ++found;
    } catch (const CommandFailure &failure) {
      if (!found)
        std::cout << "cuda: " << failure.what() << "\n";
      return found != 0;
    }
  }
}

namespace {
/// A library that something needs, by the names that it may have, as compiler/targets/cuda/CudaLibrary.cpp looks.
struct Library {
  const char *label;
  std::initializer_list<const char *> names;
  const char *purpose;
  const char *remedy;
  std::string (*version)(void *library) = nullptr; ///< "" where it does not say
};
} // namespace

static std::string ncclVersion(void *library) {
  auto function = reinterpret_cast<int (*)(int *)>(dlsym(library, "ncclGetVersion"));
  int number = 0;
  if (!function || function(&number) != 0)
    return "";
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
}

/// The first line: "Open MPI v4.1.4, package: ...".
static std::string mpiVersion(void *library) {
  constexpr size_t Longest = 8192; // MPI_MAX_LIBRARY_VERSION_STRING of MPICH, which has the longest
  auto function = reinterpret_cast<int (*)(char *, int *)>(dlsym(library, "MPI_Get_library_version"));
  std::string text(Longest, '\0');
  int length = 0;
  if (!function || function(text.data(), &length) != 0)
    return "";
  return text.substr(0, text.find_first_of(",\n"));
}

static void examine(const Library &library) {
  std::cout << library.label << ": ";
  for (const char *name : library.names)
    if (void *handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL)) { // stays open: some lose memory when they are unloaded
      link_map *map = nullptr;
      bool placed = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map && *map->l_name;
      std::string version = library.version ? library.version(handle) : "";
      std::cout << "found " << (placed ? map->l_name : name) << (version.empty() ? "" : ", version ") << version
                << "\n";
      return;
    }
  std::cout << "not found; " << library.purpose << " needs it: " << library.remedy << "\n";
}

/// What brings MPI and the runtime together; it needs the very library that it was built with.
static void examinePlugin() {
  std::string found = findPlugin(), name = found.empty() ? "liblathe-mpi.so" : found;
  std::cout << "mpi plug-in: ";
  if (dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL))
    std::cout << "found " << name << "\n";
  else
    std::cout << "not found; starting ranks with mpirun needs it: " << dlerror()
              << "; take liblathe-mpi.so of this release, or build it where an MPI library is (Debian: "
                 "libopenmpi-dev)\n";
}

/// The exit code is 0 if models can run on some device.
static int examineMachine() {
  std::cout << "lathe " << lathe_version() << "\n";
  bool cpu = examineCpu(), cuda = examineGpus();
  for (const Library &library : {
           Library{"nvrtc",
                   {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so.13",
                    "/usr/local/cuda/lib64/libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so"},
                   "compiling for CUDA",
                   "install the CUDA toolkit, or 'nvidia-cuda-nvrtc' (PyPI), and name its folder, or Python's folder "
                   "'nvidia', with lathec --cuda-path"},
           Library{"nvjitlink",
                   {"libnvJitLink.so.13", "libnvJitLink.so.12", "libnvJitLink.so",
                    "/usr/local/cuda/lib64/libnvJitLink.so.13", "/usr/local/cuda/lib64/libnvJitLink.so.12",
                    "/usr/local/cuda/lib64/libnvJitLink.so"},
                   "compiling for GPUs other than sm_90a",
                   "install the CUDA toolkit, or 'nvidia-nvjitlink' (PyPI), and name its folder, or Python's folder "
                   "'nvidia', with lathec --cuda-path"},
           Library{"nccl",
                   {"libnccl.so.2"},
                   "running on several GPUs",
                   "install 'libnccl2' (NVIDIA's package source) or 'nvidia-nccl-cu13' (PyPI), version 2.10 or newer",
                   ncclVersion},
           Library{"mpi",
                   {"libmpi.so.40", "libmpi.so.12", "libmpi.so"},
                   "starting ranks with mpirun",
                   "install 'libopenmpi3' (Debian), or start them with torchrun or srun",
                   mpiVersion},
       })
    examine(library);
  examinePlugin();
  return cpu || cuda ? Success : NotFound;
}

void addDoctorCommand(CLI::App &app, Action &chosen) {
  app.add_subcommand("doctor", "Say what this machine offers and what is missing")->callback([&chosen] {
    chosen = examineMachine;
  });
}

} // namespace lathe::tools
