// Compiles the printed launches of a file with NVRTC and nvJitLink, no GPU needed, and holds every kernel to its
// budget.
//
//   nvrtc-compile FOLDER FILE ARCH...     FOLDER holds the .cuh files, ARCH is sm_80, sm_90a, ...
//
// Templates reach NVRTC as in-memory headers under their flat names, as in the compiler. A kernel fails that uses more
// registers than the "// registers <= N" line before it says, that has none, that spills, or that has a stack frame,
// unless the line goes on with ", stack <= BYTES: REASON"; so does a loss of performance that the assembler speaks of.
// Exit status 77 where NVRTC or nvJitLink cannot be loaded.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int Skipped = 77;

/// A shared library by the names it has, newest first.
class Library {
public:
  explicit Library(const char *name) {
    for (std::string folder : {"", "/usr/local/cuda/lib64/"})
      for (const char *version : {".so.13", ".so.12", ".so"})
        if (!Handle)
          Handle = dlopen((folder + name + version).c_str(), RTLD_NOW);
    if (!Handle) {
      std::printf("skipped: %s is not installed\n", name);
      std::exit(Skipped);
    }
  }
  template <class Function> void find(Function *&function, const char *name) {
    function = reinterpret_cast<Function *>(dlsym(Handle, name));
    if (!function) {
      std::fprintf(stderr, "%s is missing from the library\n", name);
      std::exit(1);
    }
  }

private:
  void *Handle = nullptr;
};

/// The functions of NVRTC and nvJitLink that are used, by their documented signatures; 0 is success in both.
struct Tools {
  int (*createProgram)(void **, const char *, const char *, int, const char *const *, const char *const *);
  int (*compileProgram)(void *, int, const char *const *);
  int (*getLogSize)(void *, size_t *);
  int (*getLog)(void *, char *);
  int (*getPtxSize)(void *, size_t *);
  int (*getPtx)(void *, char *);
  int (*destroyProgram)(void **);
  int (*linkCreate)(void **, uint32_t, const char **);
  int (*linkAdd)(void *, int, const void *, size_t, const char *);
  int (*linkComplete)(void *);
  int (*linkInfoSize)(void *, size_t *);
  int (*linkInfo)(void *, char *);
  int (*linkErrorSize)(void *, size_t *);
  int (*linkError)(void *, char *);
  int (*linkDestroy)(void **);

  Tools() {
    Library nvrtc("libnvrtc"), link("libnvJitLink");
    nvrtc.find(createProgram, "nvrtcCreateProgram");
    nvrtc.find(compileProgram, "nvrtcCompileProgram");
    nvrtc.find(getLogSize, "nvrtcGetProgramLogSize");
    nvrtc.find(getLog, "nvrtcGetProgramLog");
    nvrtc.find(getPtxSize, "nvrtcGetPTXSize");
    nvrtc.find(getPtx, "nvrtcGetPTX");
    nvrtc.find(destroyProgram, "nvrtcDestroyProgram");
    link.find(linkCreate, "nvJitLinkCreate");
    link.find(linkAdd, "nvJitLinkAddData");
    link.find(linkComplete, "nvJitLinkComplete");
    link.find(linkInfoSize, "nvJitLinkGetInfoLogSize");
    link.find(linkInfo, "nvJitLinkGetInfoLog");
    link.find(linkErrorSize, "nvJitLinkGetErrorLogSize");
    link.find(linkError, "nvJitLinkGetErrorLog");
    link.find(linkDestroy, "nvJitLinkDestroy");
  }
};

std::string text(int (*size)(void *, size_t *), int (*get)(void *, char *), void *object) {
  size_t bytes = 0;
  if (size(object, &bytes) || bytes == 0)
    return "";
  std::string result(bytes, '\0');
  get(object, result.data());
  while (!result.empty() && result.back() == '\0')
    result.pop_back();
  return result;
}

std::string readFile(const std::filesystem::path &path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    std::exit(1);
  }
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// An architecture of one GPU alone. NVRTC assembles for it, as the compiler has it do; nvJitLink assembles PTX that
/// many GPUs run.
bool isSpecific(const std::string &arch) { return arch.ends_with("a"); }

/// PTX of `source`, or for a specific architecture what its assembler says; an empty string after printing the log.
std::string compile(const Tools &tools, const std::map<std::string, std::string> &headers, const std::string &source,
                    const std::string &name, const std::string &arch) {
  std::vector<const char *> names, texts;
  for (const auto &[header, content] : headers) {
    names.push_back(header.c_str());
    texts.push_back(content.c_str());
  }
  void *program = nullptr;
  tools.createProgram(&program, source.c_str(), name.c_str(), static_cast<int>(names.size()), texts.data(),
                      names.data());
  std::string target = "--gpu-architecture=" + (isSpecific(arch) ? arch : "compute_" + arch.substr(3));
  // Templates include a few headers that host code has too.
  const char *options[] = {target.c_str(), "--std=c++20", "--device-as-default-execution-space",
                           "--include-path=" LATHE_ROOT, "--ptxas-options=-v"};
  int error = tools.compileProgram(program, isSpecific(arch) ? 5 : 4, options);
  std::string log = text(tools.getLogSize, tools.getLog, program);
  if (!log.empty() && (error || !isSpecific(arch)))
    std::printf("%s\n", log.c_str());
  std::string result = error ? "" : isSpecific(arch) ? log : text(tools.getPtxSize, tools.getPtx, program);
  tools.destroyProgram(&program);
  return result;
}

/// What ptxas says about the kernels of `ptx`.
std::string assemble(const Tools &tools, const std::string &ptx, const std::string &arch) {
  std::string target = "-arch=" + arch;
  const char *options[] = {target.c_str(), "-verbose", "-Xptxas=-v"};
  void *link = nullptr;
  constexpr int Ptx = 2;
  if (tools.linkCreate(&link, 3, options) || tools.linkAdd(link, Ptx, ptx.c_str(), ptx.size() + 1, "instances") ||
      tools.linkComplete(link)) {
    std::printf("%s\n", text(tools.linkErrorSize, tools.linkError, link).c_str());
    return "";
  }
  std::string log = text(tools.linkInfoSize, tools.linkInfo, link);
  tools.linkDestroy(&link);
  return log;
}

struct Budget {
  int Registers = 0, Stack = 0;
};

/// "// registers <= N" before each kernel of the file.
std::map<std::string, Budget> budgets(const std::string &source) {
  std::map<std::string, Budget> result;
  std::istringstream lines(source);
  std::regex budget(R"(// registers <= (\d+)(?:, stack <= (\d+): \w+)?)"), kernel(R"(\b(lathe_\w+)\()");
  Budget last;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, budget))
      last = {std::stoi(match[1]), match[2].matched ? std::stoi(match[2]) : 0};
    else if (std::regex_search(line, match, kernel)) {
      result[match[1]] = last;
      last = {};
    }
  }
  return result;
}

/// Prints each kernel's use; returns the number of kernels over budget or missing.
int judge(const std::string &log, const std::map<std::string, Budget> &limits, const std::string &arch) {
  std::regex entry(R"(Compiling entry function '(\w+)')"), registers(R"(Used (\d+) registers)"),
      frame(R"((\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads)");
  std::istringstream lines(log);
  std::string name;
  int stack = 0, spills = 0, failed = 0;
  size_t seen = 0;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, entry)) {
      name = match[1];
    } else if (std::regex_search(line, match, frame)) {
      stack = std::stoi(match[1]);
      spills = std::stoi(match[2]) + std::stoi(match[3]);
    } else if (std::regex_search(line, match, registers)) {
      int used = std::stoi(match[1]);
      Budget limit = limits.contains(name) ? limits.at(name) : Budget();
      bool good = used <= limit.Registers && stack <= limit.Stack && (spills == 0 || limit.Stack > 0);
      std::printf("%s %-44s %3d registers of %3d, %d bytes of stack, %d bytes spilled%s\n", arch.c_str(), name.c_str(),
                  used, limit.Registers, stack, spills, good ? "" : "  FAILED");
      failed += !good;
      ++seen;
    }
  }
  // Products of warpgroups that the assembler cannot overlap, registers that it does not move.
  for (size_t at = log.find("Potential Performance Loss"); at != std::string::npos;
       at = log.find("Potential Performance Loss", at + 1)) {
    std::printf("%s: %s  FAILED\n", arch.c_str(), log.substr(at, log.find('\n', at) - at).c_str());
    ++failed;
  }
  if (seen != limits.size()) {
    std::printf("%s: the log names %zu kernels, the file has %zu\n%s", arch.c_str(), seen, limits.size(), log.c_str());
    ++failed;
  }
  return failed;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s FOLDER FILE ARCH...\n", argv[0]);
    return 2;
  }
  Tools tools;
  std::map<std::string, std::string> headers;
  for (const auto &entry : std::filesystem::directory_iterator(argv[1]))
    if (entry.path().extension() == ".cuh")
      headers[entry.path().filename()] = readFile(entry.path());
  std::string source = readFile(argv[2]);
  std::map<std::string, Budget> limits = budgets(source);
  int failed = 0;
  for (int i = 3; i < argc; ++i) {
    std::string made = compile(tools, headers, source, argv[2], argv[i]);
    failed += made.empty() ? 1 : judge(isSpecific(argv[i]) ? made : assemble(tools, made, argv[i]), limits, argv[i]);
  }
  return failed ? 1 : 0;
}
