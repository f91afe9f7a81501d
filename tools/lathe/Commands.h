#ifndef LATHE_TOOLS_LATHE_COMMANDS_H
#define LATHE_TOOLS_LATHE_COMMANDS_H

#include "runtime/include/lathe.h"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace lathe::tools {

/// What ends a command: a message and one of lathe_code, which gives the exit code (tools/ExitCodes.h).
struct CommandFailure : std::runtime_error {
  CommandFailure(int code, const std::string &message) : std::runtime_error(message), code(code) {}
  int code;
};

/// Throws the status, if it is a failure.
void check(lathe_status status);

struct Release {
  void operator()(lathe_program *program) const { lathe_program_release(program); }
  void operator()(lathe_device *device) const { lathe_device_release(device); }
  void operator()(lathe_session *session) const { lathe_session_release(session); }
  void operator()(lathe_sequence *sequence) const { lathe_sequence_release(sequence); }
  void operator()(lathe_tokenizer *tokenizer) const { lathe_tokenizer_release(tokenizer); }
  void operator()(lathe_template *chatTemplate) const { lathe_template_release(chatTemplate); }
  void operator()(char *text) const { lathe_text_release(text); }
};
using Program = std::unique_ptr<lathe_program, Release>;
using Device = std::unique_ptr<lathe_device, Release>;
using Session = std::unique_ptr<lathe_session, Release>;
using Sequence = std::unique_ptr<lathe_sequence, Release>;
using Tokenizer = std::unique_ptr<lathe_tokenizer, Release>;

Program loadProgram(const std::string &path);
/// `name` is "cpu", "cuda" or "cuda:<ordinal>".
Device createDevice(const std::string &name, int threads);
/// The entry of this name, the only one if it is empty. Throws CommandFailure.
size_t chooseEntry(const Program &program, const std::string &model, const std::string &name);
/// --device and --threads.
void addDeviceOptions(CLI::App &command, std::string &device, int &threads);

/// Where the inputs of a tensor entry come from, as the command line says it.
struct InputArguments {
  std::vector<std::string> files;  ///< NAME=FILE
  std::vector<std::string> dims;   ///< NAME=SIZE
  std::vector<std::string> ranges; ///< NAME=LOW..HIGH
  bool random = false;
  uint64_t seed = 0;
};

struct RunArguments {
  std::string model, entry, device, logits;
  InputArguments inputs;
  std::vector<std::string> outputs; ///< NAME=FILE
  std::vector<int32_t> tokens, feed;
  int64_t steps = -1, prefillChunk = 0;
  int threads = 0, repeat = 1;
};
void addRunCommand(CLI::App &app, RunArguments &arguments);
void runModel(const RunArguments &arguments);

/// The two kinds of entry; `entry` is its index.
void runTensors(const RunArguments &arguments, const Program &program, size_t entry, const Device &device);
void runTokens(const RunArguments &arguments, const Program &program, size_t entry, const Device &device);

/// What a language model generated from `arguments.tokens`, and how long it took.
struct TokenRun {
  std::vector<int32_t> likely; ///< the most likely token after the prompt and after each step
  std::vector<float> rows;     ///< logits: with --logits of every token, else of the last
  int64_t vocabulary = 0;
  std::vector<double> promptSeconds, stepSeconds; ///< of all repetitions
};
TokenRun generateTokens(const RunArguments &arguments, const Program &program, size_t entry, const Device &device);

/// Prints to standard error the fastest and the middle of several times in seconds, if there are several.
void reportTimes(const char *what, std::vector<double> seconds);

struct BenchArguments {
  std::string model, entry, device;
  InputArguments inputs;
  int threads = 0, repeat = 20, warmup = 3;
  int64_t prompt = 128, steps = 32;
  bool json = false, launches = false;
  std::string report; ///< a file, "-" for standard output, or empty
};
void addBenchCommand(CLI::App &app, BenchArguments &arguments);
void benchModel(const BenchArguments &arguments);

struct InspectArguments {
  std::string model;
  bool checkWeights = false, json = false;
};
void addInspectCommand(CLI::App &app, InspectArguments &arguments);
void inspectModel(const InspectArguments &arguments);

struct TokenizeArguments {
  std::string model;
  bool decode = false, special = false;
};
void addTokenizeCommand(CLI::App &app, TokenizeArguments &arguments);
/// Standard input to standard output.
void tokenizeInput(const TokenizeArguments &arguments);

struct TemplateArguments {
  std::string file, messages, tools, name, time;
  std::vector<std::string> variables; ///< NAME=VALUE
  bool noGenerationPrompt = false;
};
void addTemplateCommand(CLI::App &app, TemplateArguments &arguments);
void printPrompt(const TemplateArguments &arguments);

/// `lathe doctor`; the exit code is 0 if models can run on some device.
int examineMachine();

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_COMMANDS_H
