#include "runtime/session/Session.h"

#include "runtime/Failure.h"
#include "runtime/artifact/MadeUpWeights.h"
#include "runtime/parallel/SharedCalls.h"
#include "runtime/session/LimitStates.h"
#include "runtime/session/StepSampling.h"
#include "runtime/session/TensorBinding.h"

#include <algorithm>

namespace lathe::runtime {

Session::Session(std::shared_ptr<const Program> loaded, std::shared_ptr<Device> target, std::shared_ptr<Group> ranks,
                 const lathe_session_options &options)
    : program(std::move(loaded)), device(std::move(target)), group(std::move(ranks)) {
  checkDevice(*program, *device);
  if (leavesWeightsOut(program->manifest) && !options.made_up_weights)
    throw Failure(
        LATHE_UNSUPPORTED, program->artifact.where(),
        ": was compiled without its weights (lathec --weights=none), to measure with; compile it with them, or "
        "set made_up_weights (lathe run --made-up-weights) to calculate with numbers that mean nothing");
  checkRanks(*program, group.get());
  if (group && group->rank != 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "this is rank ", group->rank, " of ", group->size,
                  ", which follows rank 0: call lathe_group_follow");
  limits = limitStates(*program, options);
  pages.emplace(limits.groups);
  if (group)
    executor = std::make_unique<LeadingExecutor>(group, program, *device, options);
  else
    executor = device->createExecutor(program, limits, nullptr);
}

const Entry &Session::entryFor(const char *name, lathe_entry_kind kind) const {
  // In the order of lathe_entry_kind, with the function that each is for.
  static constexpr std::pair<const char *, const char *> Kinds[] = {{"", ""},
                                                                    {"tensor", "lathe_session_run"},
                                                                    {"language_model", "lathe_session_step"},
                                                                    {"encoder", "lathe_session_embed"}};
  const char *kindName = Kinds[kind].first;
  const Entry *found = nullptr;
  for (const Entry &entry : program->manifest.entries) {
    if (name ? entry.name != name : entry.kind != kind)
      continue;
    if (found)
      throw Failure(LATHE_INVALID_ARGUMENT, "there are several entries of kind ", kindName, "; name one of them");
    found = &entry;
  }
  if (!found && name)
    throw Failure(LATHE_NOT_FOUND, "there is no entry '", name, "'");
  if (!found || found->kind != kind) {
    const std::vector<Entry> &all = program->manifest.entries;
    const Entry *other = found || all.empty() ? found : &all.front();
    throw Failure(LATHE_UNSUPPORTED, name ? std::string("entry '") + name + "' is not" : "no entry is", " of kind ",
                  kindName, other ? std::string("; use ") + Kinds[other->kind].second : "");
  }
  return *found;
}

void Session::shapes(const lathe_run_options &options) {
  std::lock_guard lock(mutex);
  bindTensors(*program, entryFor(options.entry, LATHE_ENTRY_TENSOR), options, /*reading=*/false, tensorCall);
}

void Session::run(const lathe_run_options &options) {
  std::lock_guard lock(mutex);
  bindTensors(*program, entryFor(options.entry, LATHE_ENTRY_TENSOR), options, /*reading=*/true, tensorCall);
  executor->run(tensorCall);
}

void Session::embed(const lathe_embed_options &options) {
  std::lock_guard lock(mutex);
  const Entry &entry = entryFor(options.entry, LATHE_ENTRY_ENCODER);
  checkEmbedding(entry, options);
  lathe_run_options run = embedCall.fill(entry, options);
  bindTensors(*program, entry, run, /*reading=*/true, tensorCall);
  executor->run(tensorCall);
  embedCall.deliver(entry, options);
}

lathe_memory_info Session::memory() const {
  std::lock_guard lock(mutex);
  return executor->memory();
}

void Session::openSequence(const SequenceState &source, SequenceState &sequence) {
  std::lock_guard lock(mutex);
  if (limits.states.empty())
    throw Failure(LATHE_UNSUPPORTED, program->artifact.where(), ": has no state, so there are no sequences");
  if (openSequences == limits.maxSequences)
    throw Failure(LATHE_OUT_OF_MEMORY, "max_sequences is ", limits.maxSequences,
                  " and as many are alive; release one or raise it");
  pages->open(source, sequence);
  ++openSequences;
}

void Session::closeSequence(SequenceState &sequence) {
  std::lock_guard lock(mutex);
  sequence.length = 0;
  pages->trim(sequence);
  --openSequences;
}

int64_t Session::length(const SequenceState &sequence) const {
  std::lock_guard lock(mutex);
  return sequence.length;
}

void Session::truncate(SequenceState &sequence, int64_t length) {
  std::lock_guard lock(mutex);
  if (length < 0 || length > sequence.length)
    throw Failure(LATHE_INVALID_ARGUMENT, "length is ", length, " but the sequence has ", sequence.length, " tokens");
  if (!pages->reaches(sequence, length))
    throw Failure(LATHE_INVALID_ARGUMENT, "length is ", length, " of ", sequence.length,
                  " but what layers with a window see there was given back; take back at most ", PageTokens,
                  " tokens, or all");
  sequence.length = length;
  pages->trim(sequence);
}

int64_t Session::sequencesLeft() const {
  std::lock_guard lock(mutex);
  return limits.maxSequences - openSequences;
}

PageUse Session::pageUse() const {
  std::lock_guard lock(mutex);
  return pages->use();
}

bool Session::hasRoom(std::span<const StepPart> wanted) const {
  std::lock_guard lock(mutex);
  return pages->hasRoom(wanted);
}

int64_t Session::adopt(SequenceState &sequence, std::span<const PageKey> keys, int64_t most) {
  std::lock_guard lock(mutex);
  return pages->adopt(sequence, keys, most);
}

void Session::settle(SequenceState &sequence, std::span<const PageKey> keys) {
  std::lock_guard lock(mutex);
  pages->settle(sequence, keys);
}

int64_t Session::candidateCount(const Entry &model) const {
  return countCandidates(findCandidates(program->manifest, model));
}

void Session::step(const lathe_step_options &options, SequenceState *(*stateOf)(const Session &, lathe_sequence *)) {
  std::lock_guard lock(mutex);
  parts.clear();
  ++steps;
  for (size_t i = 0; options.sequences && i != options.sequence_count; ++i)
    addPart(stateOf(*this, options.sequences[i]));
  runParts(options);
  for (const StepPart &part : parts)
    pages->settle(*part.sequence, {});
}

void Session::step(const lathe_step_options &options, std::span<SequenceState *const> sequences) {
  std::lock_guard lock(mutex);
  parts.clear();
  ++steps;
  for (SequenceState *sequence : sequences)
    addPart(sequence);
  runParts(options);
}

void Session::addPart(SequenceState *sequence) {
  if (!sequence)
    throw Failure(LATHE_INVALID_ARGUMENT, "sequences[", parts.size(), "] is not a sequence of this session");
  if (sequence->lastStep == steps)
    throw Failure(LATHE_INVALID_ARGUMENT, "sequences[", parts.size(), "] is there twice");
  sequence->lastStep = steps;
  parts.push_back({sequence, 0});
}

void Session::runParts(const lathe_step_options &options) {
  const Entry &entry = entryFor(options.entry, LATHE_ENTRY_LANGUAGE_MODEL);
  const Entry *candidates = findCandidates(program->manifest, entry);
  checkStep(entry, candidates, options, limits.longest, parts);
  std::vector<SamplingOptions> samplers = readSamplers(options, parts.size(), countCandidates(candidates));
  try {
    pages->reserve(parts, [&](size_t group, int32_t target, int32_t source) {
      executor->copyPage(group, target, source, options.stream);
    });
    stepCall.entry = &entry;
    stepCall.shape = executor->pad(entry, shapeOf(entry, options, parts));
    fillStep(options, limits, parts, stepCall);
    candidateRows.count = countCandidates(candidates);
    stepCall.candidates = samplers.empty() ? nullptr : &candidateRows;
    executor->step(stepCall);
    if (!samplers.empty())
      drawTokens(options, samplers, parts, stepCall);
  } catch (...) {
    for (const StepPart &part : parts)
      pages->trim(*part.sequence);
    throw;
  }
  for (const StepPart &part : parts)
    part.sequence->length += part.count;
}

} // namespace lathe::runtime
