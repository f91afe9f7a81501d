#include "tools/lathe/Handles.h"
#include "compiler/report/ManifestCheck.h"
#include "runtime/Failure.h"
#include "tools/Numbers.h"
#include "tools/Progress.h"
#include "tools/lathe/Ranks.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace lathe::tools {

void check(lathe_status status) {
  if (!status)
    return;
  CommandFailure failure(lathe_status_code(status), lathe_status_message(status));
  lathe_status_release(status);
  throw failure;
}

Program loadProgram(const std::string &path) {
  lathe_program *program = nullptr;
  check(lathe_program_load(path.c_str(), &program));
  return Program(program);
}

nlohmann::ordered_json parseManifest(const Program &program) {
  try {
    return report::parseManifest(lathe_program_manifest(program.get()));
  } catch (const runtime::Failure &failure) {
    throw CommandFailure(failure.code(), failure.message() + "; compile the model again");
  }
}

int ordinalOf(const std::string &name) {
  if (name.rfind("cuda", 0) != 0)
    return -1;
  return name.size() > 5 ? std::stoi(name.substr(5)) : 0;
}

Device createDevice(const std::string &name, int threads) {
  lathe_device_options options = {};
  options.struct_size = sizeof(options);
  options.threads = threads;
  if (int ordinal = ordinalOf(name); ordinal >= 0) {
    options.kind = LATHE_DEVICE_CUDA;
    options.ordinal = ordinal;
  }
  lathe_device *device = nullptr;
  check(lathe_device_create(&options, &device));
  return Device(device);
}

size_t chooseEntry(const Program &program, const std::string &model, const std::string &name) {
  size_t count = lathe_program_entry_count(program.get()), entry = 0, models = 0, only = 0;
  // Beside a language model there may be an entry that finds the largest of its logits.
  for (size_t i = 0; i != count; ++i)
    if (lathe_program_entry(program.get(), i)->kind == LATHE_ENTRY_LANGUAGE_MODEL) {
      ++models;
      only = i;
    }
  if (name.empty() && (count == 1 || models == 1))
    return only;
  while (entry != count && name != lathe_program_entry(program.get(), entry)->name)
    ++entry;
  if (entry != count)
    return entry;
  std::string names;
  for (size_t i = 0; i != count; ++i)
    names += std::string(i ? ", " : "") + lathe_program_entry(program.get(), i)->name;
  throw CommandFailure(name.empty() ? LATHE_INVALID_ARGUMENT : LATHE_NOT_FOUND,
                       model + ": choose an entry with --entry; there are: " + names);
}

/// cpu, cuda or cuda:N.
static std::string checkDeviceName(const std::string &text) {
  bool good = text == "cpu" || text == "cuda" ||
              (text.rfind("cuda:", 0) == 0 && text.size() > 5 && text.size() < 9 &&
               text.find_first_not_of("0123456789", 5) == std::string::npos);
  return good ? "" : "'" + text + "' is not cpu, cuda or cuda:N";
}

void addModelOptions(CLI::App &command, ModelArguments &arguments) {
  command.add_option("model", arguments.model, "The .lathe file")->required();
  command.add_option("--entry", arguments.entry, "Entry point (default: the only one, or the only language model)");
  command.add_option("--device", arguments.device, "cpu, cuda or cuda:N (default: what the model was compiled for)")
      ->check(CLI::Validator(checkDeviceName, "DEVICE"));
  command.add_option("--threads", arguments.threads, "CPU threads (default: what affinity and cgroup allow)")
      ->check(NotNegative);
  addRankOptions(command, arguments.ranks);
}

std::string chooseDevice(const Program &program, const ModelArguments &arguments) {
  std::string target = lathe_program_target(program.get());
  if (arguments.device.empty())
    return target == "cuda" && lathe_program_rank_count(program.get()) > 1 ? gpuOfRank() : target;
  if ((target == "cuda") != (ordinalOf(arguments.device) >= 0)) // before drivers are looked for in vain
    throw CommandFailure(LATHE_UNSUPPORTED, arguments.model + ": compiled for '" + target + "', but --device is " +
                                                arguments.device + "; leave that out, or compile the model with " +
                                                (target == "cuda" ? "--target=cpu" : "--target=sm_90a"));
  return arguments.device;
}

Model loadModel(const ModelArguments &arguments) {
  Program program = loadProgram(arguments.model);
  size_t entry = chooseEntry(program, arguments.model, arguments.entry);
  std::string name = chooseDevice(program, arguments);
  Group group = meetRanks(arguments.model, program, arguments.ranks); // first: so others hear of what fails behind it
  Device device = createDevice(name, arguments.threads);
  followFirst(group, program, device);
  return {std::move(program),      entry,           std::move(device), std::move(group),
          arguments.madeUpWeights, ordinalOf(name), arguments.model};
}

Session createSession(const Model &model, const lathe_session_options *options) {
  lathe_session_options complete = {};
  if (options)
    complete = *options;
  complete.struct_size = sizeof(complete);
  complete.made_up_weights = model.madeUpWeights;
  complete.group = model.group.get();
  Progress progress("lathe", model.ordinal >= 0 && isatty(STDERR_FILENO));
  progress.start("loading weights to the GPU");
  lathe_session *created = nullptr;
  check(lathe_session_create(model.program.get(), model.device.get(), &complete, &created));
  return Session(created);
}

/// Streams would not say that reading failed, as that of a folder does. `name` is for the message.
static std::string readAll(std::FILE *file, const std::string &name) {
  std::string text;
  char piece[65536];
  while (size_t bytes = file ? std::fread(piece, 1, sizeof(piece), file) : 0)
    text.append(piece, bytes);
  if (!file || std::ferror(file))
    throw CommandFailure(LATHE_NOT_FOUND, name + ": cannot be read: " + std::strerror(errno));
  return text;
}

std::string readWholeFile(const std::string &path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  return readAll(file.get(), path);
}

std::string readStandardInput() { return readAll(stdin, "standard input"); }

std::string readTextFile(const std::string &path) {
  std::string text = readWholeFile(path);
  if (size_t at = text.find('\0'); at != std::string::npos)
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         path + ": byte " + std::to_string(at) + " is 0, so it is no text, which is needed here");
  return text;
}

} // namespace lathe::tools
