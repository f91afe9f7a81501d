#include "runtime/session/Session.h"

#include "runtime/Failure.h"
#include "runtime/artifact/MadeUpWeights.h"
#include "runtime/artifact/Sha256.h"
#include "runtime/parallel/SharedCalls.h"
#include "runtime/session/StepSampling.h"
#include "runtime/session/TensorBinding.h"

#include <algorithm>

namespace lathe::runtime {

Session::Session(std::shared_ptr<const Program> loaded, std::shared_ptr<Device> target, std::shared_ptr<Group> ranks,
                 const lathe_session_options &options)
    : program(std::move(loaded)), device(std::move(target)), group(std::move(ranks)),
      maxSequences(std::max(options.max_sequences, 1)) {
  if (program->manifest.target != device->target())
    throw Failure(LATHE_UNSUPPORTED, program->artifact.where(), ": compiled for '", program->manifest.target,
                  "' but the device is '", device->target(), "'; create that device or compile for this one");
  if (leavesWeightsOut(program->manifest) && !options.made_up_weights)
    throw Failure(
        LATHE_UNSUPPORTED, program->artifact.where(),
        ": was compiled without its weights (lathec --weights=none), to measure with; compile it with them, or "
        "set made_up_weights (lathe run --made-up-weights) to calculate with numbers that mean nothing");
  if (options.max_sequences < 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "max_sequences is ", options.max_sequences, " but must be at least 0");
  if (options.max_text_tokens < 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "max_text_tokens is ", options.max_text_tokens, " but must be at least 0");
  checkRanks();
  collectStates(options);
  pages.emplace(limits.groups);
  createExecutor();
}

Session::~Session() {
  executor.reset(); // rank 0's lets the others go
  if (group)
    group->giveBack();
}

void Session::checkRanks() const {
  const std::optional<Ranks> &ranks = program->manifest.ranks;
  if (!ranks && group)
    throw Failure(LATHE_INVALID_ARGUMENT, program->artifact.where(), ": was compiled for one device, but a group of ",
                  group->size, " ranks is given; leave it out, or compile with --tensor-parallel=", group->size);
  if (ranks && !group)
    throw Failure(LATHE_INVALID_ARGUMENT, program->artifact.where(), ": was compiled for ", ranks->size,
                  " ranks, but no group of them is given; start it with mpirun -n ", ranks->size);
  if (ranks && ranks->size != group->size)
    throw Failure(LATHE_INVALID_ARGUMENT, program->artifact.where(), ": was compiled for ", ranks->size,
                  " ranks, but the group has ", group->size, "; start as many");
}

/// What all ranks must have alike: the program, and how many pages of which states there are.
static Sha256Digest digestOf(const Program &program, const StateLimits &limits) {
  std::string text = program.manifest.text;
  for (const PageGroup &pages : limits.groups)
    text += " " + std::to_string(pages.pages);
  text += " " + std::to_string(limits.textPages) + " " + std::to_string(limits.maxSequences);
  return sha256(text.data(), text.size());
}

void Session::createExecutor() {
  if (!group) {
    executor = device->createExecutor(program, limits, nullptr);
    return;
  }
  group->take();
  try {
    requireSame(*group, std::span<const unsigned char, 32>(digestOf(*program, limits)), "program or session options");
    program->setRank(group->rank);
    executor = device->createExecutor(program, limits, group);
    // So that rank 0 begins with no step before all can follow.
    requireSame(*group, std::span<const unsigned char, 32>(digestOf(*program, limits)), "program or session options");
  } catch (const std::exception &error) {
    group->watch().fail(error.what());
    group->giveBack();
    throw;
  }
  if (group->rank == 0)
    executor = std::make_unique<LeadingExecutor>(group, program, std::move(executor));
}

void Session::requireLeader() const {
  if (group && group->rank != 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "this is rank ", group->rank, " of ", group->size,
                  ", which follows rank 0: call lathe_session_follow");
}

void Session::follow() {
  std::lock_guard lock(mutex);
  if (!group || group->rank == 0)
    throw Failure(LATHE_INVALID_ARGUMENT, group ? "this is rank 0, which the others follow"
                                                : "the session has no group, so there is no rank to follow");
  followCalls(*group, *program, *executor);
}

void Session::collectStates(const lathe_session_options &options) {
  for (const Entry &entry : program->manifest.entries) {
    for (const State &state : entry.states) {
      if (state.kind != LATHE_STATE_PAGED)
        throw Failure(LATHE_UNSUPPORTED, "state '", state.name, "' of entry '", entry.name,
                      "' is not paged; use a newer runtime");
      auto twin = std::find_if(limits.states.begin(), limits.states.end(),
                               [&](const State *known) { return known->name == state.name; });
      if (twin == limits.states.end())
        limits.states.push_back(&state);
      else if ((*twin)->pageBytes != state.pageBytes)
        throw Failure(LATHE_CORRUPT, "state '", state.name, "' has pages of ", (*twin)->pageBytes, " and of ",
                      state.pageBytes, " bytes");
      else if ((*twin)->window != state.window)
        throw Failure(LATHE_CORRUPT, "state '", state.name, "' has a window of ", (*twin)->window, " and of ",
                      state.window, " tokens");
    }
  }
  limits.maxSequences = maxSequences;
  collectGroups();
  if (!limits.groups.empty())
    sizeGroups(options.kv_cache_bytes, options.max_text_tokens);
}

void Session::collectGroups() {
  int64_t stepTokens = 0;
  for (const Entry &entry : program->manifest.entries)
    if (entry.kind == LATHE_ENTRY_LANGUAGE_MODEL)
      stepTokens = std::max(stepTokens, entry.symbols[size_t(ModelSymbols(entry).tokens)].max);
  for (size_t i = 0; i != limits.states.size(); ++i) {
    const State &state = *limits.states[i];
    auto known = std::find_if(limits.groups.begin(), limits.groups.end(),
                              [&](const PageGroup &group) { return group.window == state.window; });
    PageGroup &group = known == limits.groups.end() ? limits.groups.emplace_back() : *known;
    group.window = state.window;
    group.states.push_back(i);
    group.pageBytes += state.pageBytes;
    // The window, which may begin and end within pages, a page that is not given back at once, and a step.
    if (state.window)
      group.mostPages = (state.window + 2 * PageTokens + stepTokens) / PageTokens + 2;
  }
}

void Session::sizeGroups(uint64_t bytes, int64_t textTokens) {
  int64_t longest = 0, bytesOfPage = 0;
  for (const Entry &entry : program->manifest.entries)
    if (entry.kind == LATHE_ENTRY_LANGUAGE_MODEL)
      longest = std::max(longest, greatestLength(entry) / PageTokens);
  if (textTokens)
    longest = std::min(longest, (std::min(textTokens, longest * PageTokens) + PageTokens - 1) / PageTokens);
  limits.longest = longest * PageTokens;
  for (PageGroup &group : limits.groups) {
    bytesOfPage += group.pageBytes;
    if (group.mostPages >= longest)
      group.mostPages = 0;
  }
  // A group with a window has no more pages than all sequences together can use.
  auto pagesOf = [&](const PageGroup &group, int64_t pages) {
    return group.mostPages ? std::min(pages, group.mostPages * maxSequences) : pages;
  };
  auto fits = [&](int64_t pages) {
    uint64_t sum = 0;
    for (const PageGroup &group : limits.groups)
      sum += uint64_t(group.pageBytes) * uint64_t(pagesOf(group, pages));
    return bytes == 0 || sum <= bytes;
  };
  // More pages than all sequences together can use would only waste memory.
  int64_t most = longest * maxSequences, least = 0;
  for (int64_t above = most + 1; above - least > 1;) {
    int64_t middle = least + (above - least) / 2;
    (fits(middle) ? least : above) = middle;
  }
  if (least > INT32_MAX / PageTokens)
    throw Failure(LATHE_INVALID_ARGUMENT, "kv_cache_bytes makes ", least, " pages but at most ", INT32_MAX / PageTokens,
                  " can be numbered; lower it or max_sequences");
  if (least < maxSequences)
    throw Failure(LATHE_INVALID_ARGUMENT, "kv_cache_bytes is ", bytes, " but ", maxSequences, " sequences need ",
                  maxSequences * bytesOfPage, "; raise it or lower max_sequences");
  limits.textPages = std::min(least, longest);
  for (PageGroup &group : limits.groups)
    group.pages = pagesOf(group, least);
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
  requireLeader();
  bindTensors(*program, entryFor(options.entry, LATHE_ENTRY_TENSOR), options, /*reading=*/true, tensorCall);
  executor->run(tensorCall);
}

void Session::embed(const lathe_embed_options &options) {
  std::lock_guard lock(mutex);
  requireLeader();
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
  if (openSequences == maxSequences)
    throw Failure(LATHE_OUT_OF_MEMORY, "max_sequences is ", maxSequences,
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
  return maxSequences - openSequences;
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
  requireLeader();
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
