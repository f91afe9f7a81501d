#ifndef LATHE_TEST_RUNTIME_TESTARTIFACT_H
#define LATHE_TEST_RUNTIME_TESTARTIFACT_H

#include "compiler/artifact/ArtifactWriter.h"
#include "runtime/include/lathe.h"

#include <memory>
#include <string>

namespace lathe::test {

/// The hand-made programs, for "cpu" or "cuda": what images/ computes, with the manifest that goes with it.
artifact::ArtifactSource scaleSource(const std::string &target = "cpu");
/// Its output has a size that depends on data.
artifact::ArtifactSource positiveSource(const std::string &target = "cpu");
artifact::ArtifactSource toySource(const std::string &target = "cpu");
/// The toy for "cuda" that also gives the likeliest token of each row.
artifact::ArtifactSource sampledToySource();
/// The toy for so many ranks; images/RankedToy.cpp and RankedToyCuda.cpp say who has what.
artifact::ArtifactSource rankedToySource(int ranks, const std::string &target = "cpu");
/// For the CPU; images/Encoder.cpp says what it computes.
artifact::ArtifactSource encoderSource();
/// For the CPU; images/BabbleModel.h says what it computes.
artifact::ArtifactSource babbleSource(bool windowed = false);

/// Writes `source` to a new file in the test's folder and returns its path.
std::string writeTemporary(const artifact::ArtifactSource &source);
std::string readFile(const std::string &path);
std::string writeTemporary(const std::string &bytes);
/// The file with the hashes of its sections, table and header as its bytes are now.
std::string repairHashes(std::string bytes);

struct Release {
  void operator()(lathe_program *program) const { lathe_program_release(program); }
  void operator()(lathe_device *device) const { lathe_device_release(device); }
  void operator()(lathe_group *group) const { lathe_group_release(group); }
  void operator()(lathe_session *session) const { lathe_session_release(session); }
  void operator()(lathe_sequence *sequence) const { lathe_sequence_release(sequence); }
  void operator()(lathe_engine *engine) const { lathe_engine_release(engine); }
  void operator()(lathe_request *request) const { lathe_request_release(request); }
  void operator()(lathe_tokenizer *tokenizer) const { lathe_tokenizer_release(tokenizer); }
  void operator()(lathe_text_decoder *decoder) const { lathe_text_decoder_release(decoder); }
};
using Program = std::unique_ptr<lathe_program, Release>;
using Device = std::unique_ptr<lathe_device, Release>;
using Group = std::unique_ptr<lathe_group, Release>;
using Session = std::unique_ptr<lathe_session, Release>;
using Sequence = std::unique_ptr<lathe_sequence, Release>;
using Engine = std::unique_ptr<lathe_engine, Release>;
using Request = std::unique_ptr<lathe_request, Release>;
using Tokenizer = std::unique_ptr<lathe_tokenizer, Release>;
using TextDecoder = std::unique_ptr<lathe_text_decoder, Release>;

/// Code and message of a status, which is released. {0, ""} for success.
struct Outcome {
  int code;
  std::string message;
};
Outcome outcome(lathe_status status);

/// For calls that must succeed: throws the message otherwise.
void succeed(lathe_status status);

Program load(const std::string &path);
Device cpu(int threads = 2);
Session openSession(const Program &program, const Device &device, int maxSequences = 1, uint64_t cacheBytes = 0);
Sequence openSequence(const Session &session);

} // namespace lathe::test

#endif // LATHE_TEST_RUNTIME_TESTARTIFACT_H
