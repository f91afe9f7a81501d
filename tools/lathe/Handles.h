#ifndef LATHE_TOOLS_LATHE_HANDLES_H
#define LATHE_TOOLS_LATHE_HANDLES_H

#include "runtime/include/lathe.h"
#include "tools/lathe/CommandFailure.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace CLI {
class App;
}

namespace lathe::tools {

/// Throws the status, if it is a failure.
void check(lathe_status status);

struct Release {
  void operator()(lathe_program *program) const { lathe_program_release(program); }
  void operator()(lathe_device *device) const { lathe_device_release(device); }
  void operator()(lathe_group *group) const { lathe_group_release(group); }
  void operator()(lathe_session *session) const { lathe_session_release(session); }
  void operator()(lathe_sequence *sequence) const { lathe_sequence_release(sequence); }
  void operator()(lathe_engine *engine) const { lathe_engine_release(engine); }
  void operator()(lathe_request *request) const { lathe_request_release(request); }
  void operator()(lathe_tokenizer *tokenizer) const { lathe_tokenizer_release(tokenizer); }
  void operator()(lathe_template *chatTemplate) const { lathe_template_release(chatTemplate); }
  void operator()(char *text) const { lathe_text_release(text); }
};
using Program = std::unique_ptr<lathe_program, Release>;
using Device = std::unique_ptr<lathe_device, Release>;
using Group = std::unique_ptr<lathe_group, Release>;
using Session = std::unique_ptr<lathe_session, Release>;
using Sequence = std::unique_ptr<lathe_sequence, Release>;
using Engine = std::unique_ptr<lathe_engine, Release>;
using Request = std::unique_ptr<lathe_request, Release>;
using Tokenizer = std::unique_ptr<lathe_tokenizer, Release>;
using Template = std::unique_ptr<lathe_template, Release>;

Program loadProgram(const std::string &path);
/// The manifest, of which all that reports read is checked. Throws CommandFailure.
nlohmann::ordered_json parseManifest(const Program &program);
/// `name` is "cpu", "cuda" or "cuda:<ordinal>".
Device createDevice(const std::string &name, int threads);
/// The number of the GPU of such a name, -1 for the CPU.
int ordinalOf(const std::string &name);
/// The entry of this name, the only one if it is empty. Throws CommandFailure.
size_t chooseEntry(const Program &program, const std::string &model, const std::string &name);

/// How ranks meet and exchange; see tools/lathe/Ranks.h.
struct RankArguments {
  std::string rendezvous; ///< empty: as the launcher says
  int directBytes = 0;    ///< as lathe_group_options has it
};

/// Which part of which model runs where.
struct ModelArguments {
  std::string model, entry, device;
  int threads = 0;
  RankArguments ranks;
  bool madeUpWeights = false; ///< where the artifact leaves them out
};
/// The device's name: that of --device, or else what the model was compiled for. Throws where that is another kind.
std::string chooseDevice(const Program &program, const ModelArguments &arguments);
/// The model, --entry, --device, --threads and those of ranks.
void addModelOptions(CLI::App &command, ModelArguments &arguments);

/// A loaded model, one of its entries, and the device to run it.
struct Model {
  Program program;
  size_t entry;
  Device device;
  Group group; ///< null where one device runs the program
  bool madeUpWeights = false;
  int ordinal = -1; ///< of the GPU; -1: the CPU
  std::string path; ///< of the artifact

  const lathe_entry_info &info() const { return *lathe_program_entry(program.get(), entry); }
};
/// On the device that was asked for, or that the model was compiled for. Of a program for several ranks this is rank 0;
/// the others follow it to its end and throw FollowedToEnd (tools/lathe/Ranks.h).
Model loadModel(const ModelArguments &arguments);
/// `options` may be NULL.
Session createSession(const Model &model, const lathe_session_options *options);

/// All bytes of a file. Throws CommandFailure.
std::string readWholeFile(const std::string &path);
std::string readStandardInput();
/// The same of a file that holds text: without a NUL, where the C API would end it.
std::string readTextFile(const std::string &path);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_HANDLES_H
