#include "runtime/session/Session.h"

#include "runtime/Failure.h"
#include "runtime/session/TensorBinding.h"

#include <algorithm>
#include <cassert>

namespace lathe::runtime {

Session::Session(std::shared_ptr<const Program> loaded, std::shared_ptr<Device> target,
                 const lathe_session_options &options)
    : program(std::move(loaded)), device(std::move(target)), maxSequences(std::max(options.max_sequences, 1)) {
  if (program->manifest.target != device->target())
    throw Failure(LATHE_UNSUPPORTED, program->artifact.where(), ": compiled for '", program->manifest.target,
                  "' but the device is '", device->target(), "'; create that device or compile for this one");
  if (options.max_sequences < 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "max_sequences is ", options.max_sequences, " but must be at least 0");
  collectStates(options);
  pages = std::make_unique<PagePool>(limits.pages);
  executor = device->createExecutor(program, limits);
}

void Session::collectStates(const lathe_session_options &options) {
  int64_t longest = 0;
  for (const Entry &entry : program->manifest.entries) {
    if (entry.kind == LATHE_ENTRY_LANGUAGE_MODEL)
      longest = std::max(longest, greatestLength(entry));
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
    }
  }
  limits.maxSequences = maxSequences;
  limits.pages = 0;
  for (const State *state : limits.states)
    bytesOfPage += state->pageBytes;
  if (bytesOfPage == 0)
    return;
  int64_t longestPages = longest / PageTokens;
  limits.pages =
      options.kv_cache_bytes ? int64_t(options.kv_cache_bytes / uint64_t(bytesOfPage)) : longestPages * maxSequences;
  // More pages than all sequences together can use would only waste memory.
  limits.pages = std::min(limits.pages, longestPages * maxSequences);
  if (limits.pages > INT32_MAX / PageTokens)
    throw Failure(LATHE_INVALID_ARGUMENT, "kv_cache_bytes makes ", limits.pages, " pages but at most ",
                  INT32_MAX / PageTokens, " can be numbered; lower it or max_sequences");
  if (limits.pages < maxSequences)
    throw Failure(LATHE_INVALID_ARGUMENT, "kv_cache_bytes is ", options.kv_cache_bytes, " but ", maxSequences,
                  " sequences need ", maxSequences * bytesOfPage, "; raise it or lower max_sequences");
}

const Entry &Session::entryFor(const char *name, lathe_entry_kind kind) const {
  const char *kindName = kind == LATHE_ENTRY_TENSOR ? "tensor" : "language_model";
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
  if (!found || found->kind != kind)
    throw Failure(LATHE_UNSUPPORTED, name ? std::string("entry '") + name + "' is not" : "no entry is", " of kind ",
                  kindName, kind == LATHE_ENTRY_TENSOR ? "; use lathe_session_step" : "; use lathe_session_run");
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
  sequence.pages = source.pages;
  sequence.length = source.length;
  for (int32_t page : sequence.pages)
    pages->share(page);
  ++openSequences;
}

void Session::closeSequence(SequenceState &sequence) {
  std::lock_guard lock(mutex);
  sequence.length = 0;
  trim(sequence);
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
  sequence.length = length;
  trim(sequence);
}

void Session::trim(SequenceState &sequence) {
  size_t needed = size_t((sequence.length + PageTokens - 1) / PageTokens);
  for (; sequence.pages.size() > needed; sequence.pages.pop_back())
    pages->release(sequence.pages.back());
}

/// The page with tokens already that a step would write into; -1 if there is none.
static int32_t tailPage(const SequenceState &sequence) {
  return sequence.length % PageTokens == 0 ? -1 : sequence.pages[size_t(sequence.length / PageTokens)];
}

static bool sharesTail(const SequenceState &sequence, const PageOwner &pages) {
  int32_t tail = tailPage(sequence);
  return tail >= 0 && pages.users(tail) > 1;
}

static int64_t pagesAfter(const SequenceState &sequence, int64_t count) {
  return (sequence.length + count + PageTokens - 1) / PageTokens;
}

static int64_t newPages(const SequenceState &sequence, int64_t count, const PageOwner &pages) {
  return pagesAfter(sequence, count) - int64_t(sequence.pages.size()) + sharesTail(sequence, pages);
}

void Session::reservePages(void *stream) {
  int64_t needed = 0;
  for (const StepPart &part : parts)
    needed += newPages(*part.sequence, part.count, *pages);
  if (needed > pages->available())
    throw Failure(LATHE_OUT_OF_MEMORY, "the step needs ", needed, " pages but ", pages->available(), " of ",
                  pages->total(), " are free; release or truncate sequences, or raise kv_cache_bytes");
  for (const StepPart &part : parts) {
    SequenceState &sequence = *part.sequence;
    size_t after = size_t(pagesAfter(sequence, part.count));
    sequence.pages.reserve(after);
    if (sharesTail(sequence, *pages)) {
      int32_t &shared = sequence.pages[size_t(sequence.length / PageTokens)], page = pages->acquire();
      pages->release(shared);
      std::swap(shared, page);
      executor->copyPage(shared, page, stream);
    } else if (int32_t tail = tailPage(sequence); tail >= 0) {
      pages->forget(tail);
    }
    while (sequence.pages.size() < after)
      sequence.pages.push_back(pages->acquire());
  }
}

int64_t Session::sequencesLeft() const {
  std::lock_guard lock(mutex);
  return maxSequences - openSequences;
}

PageCounts Session::pageCounts() const {
  std::lock_guard lock(mutex);
  return pages->counts();
}

int64_t Session::pagesFor(const SequenceState &sequence, int64_t count) const {
  std::lock_guard lock(mutex);
  return newPages(sequence, count, *pages);
}

int64_t Session::adoptPrefix(SequenceState &sequence, std::span<const PageKey> keys, int64_t most) {
  std::lock_guard lock(mutex);
  assert(sequence.pages.empty() && "only an empty sequence can adopt a prefix");
  for (const PageKey &key : keys) {
    if (int64_t(sequence.pages.size()) * PageTokens >= most)
      break;
    int32_t page = pages->find(key);
    if (page < 0)
      break;
    sequence.pages.push_back(page);
  }
  return sequence.length = std::min(int64_t(sequence.pages.size()) * PageTokens, most);
}

void Session::keepPage(const SequenceState &sequence, size_t index, const PageKey &key) {
  std::lock_guard lock(mutex);
  assert(int64_t(index + 1) * PageTokens <= sequence.length && "only a full page is kept");
  pages->keep(sequence.pages[index], key);
}

void Session::step(const lathe_step_options &options, SequenceState *(*stateOf)(const Session &, lathe_sequence *)) {
  std::lock_guard lock(mutex);
  parts.clear();
  ++steps;
  for (size_t i = 0; options.sequences && i != options.sequence_count; ++i)
    addPart(stateOf(*this, options.sequences[i]));
  runParts(options);
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
  checkStep(entry, options, parts);
  try {
    reservePages(options.stream);
    stepCall.entry = &entry;
    stepCall.shape = executor->pad(entry, shapeOf(entry, options, parts));
    fillStep(options, parts, stepCall);
    executor->step(stepCall);
  } catch (...) {
    for (const StepPart &part : parts)
      trim(*part.sequence);
    throw;
  }
  for (const StepPart &part : parts)
    part.sequence->length += part.count;
}

} // namespace lathe::runtime
