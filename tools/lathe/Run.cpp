#include "tools/lathe/Commands.h"
#include "tools/lathe/TensorInputs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

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

Device createDevice(const std::string &name, int threads) {
  lathe_device_options options = {};
  options.struct_size = sizeof(options);
  options.threads = threads;
  if (name.rfind("cuda", 0) == 0) {
    options.kind = LATHE_DEVICE_CUDA;
    options.ordinal = name.size() > 5 ? std::stoi(name.substr(5)) : 0;
  }
  lathe_device *device = nullptr;
  check(lathe_device_create(&options, &device));
  return Device(device);
}

size_t chooseEntry(const Program &program, const std::string &model, const std::string &name) {
  size_t count = lathe_program_entry_count(program.get()), entry = 0;
  if (name.empty() && count == 1)
    return 0;
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

void addDeviceOptions(CLI::App &command, std::string &device, int &threads) {
  command.add_option("--device", device, "cpu, cuda or cuda:N (default: what the model was compiled for)")
      ->check(CLI::Validator(
          [](const std::string &text) {
            bool good = text == "cpu" || text == "cuda" ||
                        (text.rfind("cuda:", 0) == 0 && text.size() > 5 && text.size() < 9 &&
                         text.find_first_not_of("0123456789", 5) == std::string::npos);
            return good ? "" : "'" + text + "' is not cpu, cuda or cuda:N";
          },
          "DEVICE"));
  command.add_option("--threads", threads, "CPU threads (default: what affinity and cgroup allow)")
      ->check(CLI::NonNegativeNumber);
}

void reportTimes(const char *what, std::vector<double> seconds) {
  if (seconds.size() < 2)
    return;
  std::sort(seconds.begin(), seconds.end());
  std::fprintf(stderr, "%s: %zu times, fastest %.3f ms, median %.3f ms\n", what, seconds.size(), seconds.front() * 1e3,
               seconds[seconds.size() / 2] * 1e3);
}

void addRunCommand(CLI::App &app, RunArguments &arguments) {
  CLI::App *run = app.add_subcommand("run", "Run a compiled model");
  run->add_option("model", arguments.model, "The .lathe file")->required();
  run->add_option("--entry", arguments.entry, "Entry point (default: the only one)");
  addDeviceOptions(*run, arguments.device, arguments.threads);
  run->add_option("--repeat", arguments.repeat, "Run N times and print the times")->check(CLI::PositiveNumber);

  addInputOptions(*run, arguments.inputs, /*alwaysRandom=*/false);
  run->add_option("--output", arguments.outputs,
                  "NAME=FILE, .npy or .pb, to write an output; without any, all are summed up")
      ->allow_extra_args(false)
      ->group("Tensors");

  const char *group = "Language models";
  run->add_option("--tokens", arguments.tokens, "Token ids of the prompt, comma-separated")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  run->add_option("--steps", arguments.steps, "Tokens to decode (default: as many as --feed has, else 16)")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  run->add_option("--feed", arguments.feed, "Ids to feed while decoding, instead of the most likely ones")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  run->add_option("--logits", arguments.logits,
                  "Write float32 [positions, vocabulary] here: a row for each prompt token, then one for each step")
      ->group(group);
  run->add_option("--prefill-chunk", arguments.prefillChunk, "Feed the prompt in pieces of N tokens")
      ->check(CLI::PositiveNumber)
      ->group(group);
}

void runModel(const RunArguments &arguments) {
  Program program = loadProgram(arguments.model);
  size_t entry = chooseEntry(program, arguments.model, arguments.entry);
  std::string device = arguments.device;
  if (device.empty())
    device = std::string(lathe_program_target(program.get()));
  Device created = createDevice(device, arguments.threads);
  if (lathe_program_entry(program.get(), entry)->kind == LATHE_ENTRY_TENSOR)
    runTensors(arguments, program, entry, created);
  else
    runTokens(arguments, program, entry, created);
}

} // namespace lathe::tools
