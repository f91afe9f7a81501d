#include "compiler/report/Quantization.h"
#include "compiler/report/Roofline.h"
#include "runtime/Failure.h"
#include "runtime/artifact/Artifact.h"
#include "tools/ExitCodes.h"
#include "tools/lathe/Arrays.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/Handles.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

namespace lathe::tools {

namespace {

std::string describe(const lathe_value_info &value) {
  std::string text = std::string(value.name) + ": " + typeName(value.type) + " [";
  for (size_t i = 0; i != value.rank; ++i)
    text += (i ? ", " : "") + (value.symbols[i] ? std::string(value.symbols[i]) : std::to_string(value.shape[i]));
  text += "]";
  return std::string(value.role) == "tensor" ? text : text + " " + value.role;
}

void printEntry(const lathe_program *program, size_t index) {
  const lathe_entry_info &entry = *lathe_program_entry(program, index);
  std::cout << "entry " << entry.name
            << (entry.kind == LATHE_ENTRY_TENSOR    ? ", tensors in and out\n"
                : entry.kind == LATHE_ENTRY_ENCODER ? ", an encoder of texts\n"
                                                    : ", a language model\n");
  if (entry.kind == LATHE_ENTRY_ENCODER) {
    static const char *const Poolings[] = {"none", "mean", "cls", "last"};
    std::cout << "  pooling: " << Poolings[entry.pooling] << ", texts of at most " << entry.max_tokens << " tokens\n";
  }
  for (size_t i = 0; i != entry.symbol_count; ++i) {
    const lathe_symbol_info &symbol = *lathe_program_symbol(program, index, i);
    std::cout << "  size " << symbol.name << ": " << symbol.min << " to " << symbol.max << "\n";
  }
  for (size_t i = 0; i != entry.input_count; ++i)
    std::cout << "  input " << describe(*lathe_program_input(program, index, i)) << "\n";
  for (size_t i = 0; i != entry.output_count; ++i)
    std::cout << "  output " << describe(*lathe_program_output(program, index, i)) << "\n";
  static const char *const Kinds[] = {"", "paged", "slot", "static"};
  for (size_t i = 0; i != entry.state_count; ++i) {
    const lathe_state_info &state = *lathe_program_state(program, index, i);
    std::cout << "  state " << state.name << ": " << Kinds[state.kind] << " " << typeName(state.element);
    if (state.kind == LATHE_STATE_PAGED)
      std::cout << ", " << state.page_bytes / state.page_tokens << " bytes a token";
    if (state.window)
      std::cout << ", of the last " << state.window << " tokens";
    std::cout << "\n";
  }
}

using Json = nlohmann::ordered_json;

/// "batch 64, length 128".
std::string sizesText(const Json &symbols, const std::vector<int64_t> &values) {
  std::string text;
  for (size_t i = 0; i != values.size(); ++i)
    text += (i ? ", " : "") + symbols[i]["name"].get<std::string>() + " " + std::to_string(values[i]);
  return text;
}

/// Working memory and kernels of each clone.
void printPlan(const Json &manifest, size_t index) {
  const Json &entry = manifest["entries"][index];
  for (const report::Call &call : report::listCalls(manifest))
    if (call.Entry == index)
      std::cout << "  arena: " << report::arenaBytes(entry, call.Symbols) << " bytes"
                << (call.Symbols.empty() ? "" : " for ") << sizesText(entry["symbols"], call.Symbols) << "\n";
  for (const Json &clone : entry["clones"]) {
    std::map<std::string, int> kernels;
    for (const Json &step : clone["steps"])
      ++kernels[step["kernel"].get<std::string>()];
    std::cout << "  launches: " << clone["launches"].get<int64_t>();
    for (const Json &range : clone["range"])
      std::cout << " for " << range["symbol"].get<std::string>() << " " << range["min"] << " to " << range["max"];
    const char *separator = " (";
    for (auto &[kernel, count] : kernels) {
      std::cout << separator << kernel << " " << count;
      separator = ", ";
    }
    std::cout << (kernels.empty() ? "\n" : ")\n");
  }
}

void printSections(const std::string &path) {
  static const char *const Kinds[] = {"", "manifest", "host code", "PTX", "cubin", "weights", "tokenizer", "signature"};
  runtime::Artifact artifact(path); // loading has checked it
  for (const runtime::Section &section : artifact.sections())
    std::cout << "section " << section.name << ": " << Kinds[uint32_t(section.kind)] << ", " << section.bytes.size()
              << " bytes at " << section.offset << "\n";
}

/// How many weights there are of each type, and their bytes.
void printWeights(const Json &manifest) {
  std::map<std::string, std::pair<uint64_t, uint64_t>> types;
  for (const Json &weight : manifest["weights"]) {
    auto &[count, bytes] = types[weight["type"].get<std::string>()];
    ++count;
    bytes += weight["bytes"].get<uint64_t>();
  }
  for (auto &[type, sum] : types)
    std::cout << "weights " << type << ": " << sum.first << ", " << sum.second << " bytes\n";
}

/// " sm_80, sm_90a": what there is machine code for, that first which reports are about.
std::string listChips(const Json &manifest) {
  std::string text;
  if (manifest.contains("cuda_modules"))
    for (auto &[chip, offsets] : manifest["cuda_modules"]["cubin"].items())
      text += (text.empty() ? " " : ", ") + chip;
  return text.empty() && manifest.contains("chip") ? " " + manifest["chip"].get<std::string>() : text;
}

struct InspectArguments {
  std::string model;
  bool checkWeights = false, json = false;
};

int inspectModel(const InspectArguments &arguments) {
  Program program = loadProgram(arguments.model);
  const char *text = lathe_program_manifest(program.get());
  if (arguments.checkWeights)
    check(lathe_program_check_weights(program.get()));
  if (arguments.json) {
    std::cout << text << "\n";
    return Success;
  }
  Json manifest = parseManifest(program);
  std::cout << "model " << manifest["model"]["name"].get<std::string>() << ", for "
            << lathe_program_target(program.get());
  std::cout << listChips(manifest);
  std::cout << ", by " << manifest["producer"].get<std::string>() << "\n";
  for (size_t i = 0; i != lathe_program_entry_count(program.get()); ++i) {
    printEntry(program.get(), i);
    printPlan(manifest, i);
  }
  if (!manifest["kernels"].empty())
    std::cout << "kernels for CUDA: " << manifest["kernels"].size() << "\n";
  printWeights(manifest);
  if (Json errors = report::buildQuantization(manifest); !errors.is_null())
    std::cout << report::printQuantization(errors);
  printSections(arguments.model);
  if (arguments.checkWeights)
    std::cout << "all hashes are right\n";
  return Success;
}

} // namespace

void addInspectCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App *inspect = app.add_subcommand("inspect", "Say what an artifact holds");
  inspect->add_option("model", arguments->model, "The .lathe file")->required();
  inspect->add_flag("--check", arguments->checkWeights, "Read all weights and compare their hashes");
  inspect->add_flag("--json", arguments->json, "Print the manifest");
  inspect->callback([arguments, &chosen] { chosen = [arguments] { return inspectModel(*arguments); }; });
}

} // namespace lathe::tools
