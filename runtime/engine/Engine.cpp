#include "runtime/engine/Engine.h"

#include "runtime/Failure.h"
#include "runtime/artifact/Sha256.h"

#include <algorithm>

namespace lathe::runtime {

Engine::Engine(std::shared_ptr<Session> given, const lathe_engine_options &options,
               std::shared_ptr<const Tokenizer> tokens)
    : session(std::move(given)), tokenizer(std::move(tokens)),
      entry(session->entryFor(options.entry, LATHE_ENTRY_LANGUAGE_MODEL)),
      textLimits{ModelSymbols(entry).vocabulary, greatestLength(entry), session->stateLimits()},
      scheduler(*session, schedulerLimits(options)) {
  if (textLimits.room.groups.empty())
    throw Failure(LATHE_UNSUPPORTED, "entry '", entry.name, "' has no state, so it cannot go on with a text");
  if (tokenizer && tokenizer->size() > textLimits.vocabulary)
    throw Failure(LATHE_INVALID_ARGUMENT, "the tokenizer has ", tokenizer->size(), " tokens but the model ",
                  textLimits.vocabulary, "; use the model's own tokenizer");
}

/// An option that is `given`, or with 0 `usual`, and at most `most`.
static int64_t limitOf(const char *name, int64_t given, int64_t usual, int64_t most, const char *whose) {
  if (given < 0 || given > most)
    throw Failure(LATHE_INVALID_ARGUMENT, name, " is ", given, " but must be from 0 to ", most, ", which is what ",
                  whose);
  return given ? given : std::min(usual, most);
}

SchedulerLimits Engine::schedulerLimits(const lathe_engine_options &options) const {
  ModelSymbols symbols(entry);
  auto most = [&](int symbol) { return entry.symbols[size_t(symbol)].max; };
  SchedulerLimits limits;
  limits.stepTokens =
      limitOf("max_step_tokens", options.max_step_tokens, 512, most(symbols.tokens), "the model was compiled for");
  limits.stepSequences = std::min(most(symbols.sequences), most(symbols.offsets) - 1);
  limits.stepRows = most(symbols.rows);
  limits.running = limitOf("max_running", options.max_running, std::min(limits.stepSequences, limits.stepTokens),
                           session->sequenceCapacity(), "the session has sequences");
  limits.sharesPrefixes = !options.no_prefix_sharing;
  // Another entry leaves other contents in the pages of the same text.
  limits.beginningKey = sha256(entry.name.data(), entry.name.size());
  return limits;
}

std::shared_ptr<const GrammarTokens> Engine::grammarTokens() {
  std::lock_guard lock(mutex);
  if (!madeGrammarTokens)
    madeGrammarTokens = std::make_shared<const GrammarTokens>(tokenizer);
  return madeGrammarTokens;
}

std::shared_ptr<Request> Engine::submit(const lathe_request_options &given) {
  RequestOptions options = readRequest(given, textLimits, tokenizer.get());
  std::shared_ptr<const GrammarTokens> forGrammar = options.grammar ? grammarTokens() : nullptr;
  auto request = std::make_shared<Request>(std::move(options), tokenizer, forGrammar);
  std::lock_guard lock(mutex);
  scheduler.add(request);
  return request;
}

void Engine::fillStep(std::span<const StepShare> shares) {
  sequences.clear();
  counts.clear();
  tokens.clear();
  rows.clear();
  for (const StepShare &share : shares) {
    Request &request = *share.request;
    std::span<const int32_t> next = request.text().last(size_t(request.pending())).first(size_t(share.count));
    sequences.push_back(&request.sequence);
    counts.push_back(int32_t(share.count));
    tokens.insert(tokens.end(), next.begin(), next.end());
    if (share.wantsRow)
      rows.push_back(int32_t(tokens.size()) - 1);
  }
  auto all = [&](auto holds) {
    return std::all_of(shares.begin(), shares.end(),
                       [&](auto &share) { return !share.wantsRow || holds(*share.request); });
  };
  bool likeliest =
      entry.output("sampled_tokens") && all([](const Request &request) { return request.takesLikeliest(); });
  int64_t count = session->candidateCount(entry);
  bool drawn = !likeliest && count && all([&](const Request &request) { return request.takesCandidates(count); });
  samplers.clear();
  for (size_t i = 0; drawn && i != shares.size(); ++i)
    samplers.push_back(shares[i].wantsRow ? shares[i].request->sampler() : lathe_sampler{});
  logits.resize(likeliest || drawn ? 0 : rows.size() * size_t(textLimits.vocabulary));
  chosen.assign(likeliest || drawn ? rows.size() : 0, -1);
}

void Engine::settle(std::span<const StepShare> shares) {
  std::span<float> rest = logits;
  size_t next = 0; // of `chosen`
  for (const StepShare &share : shares) {
    if (!share.wantsRow)
      continue;
    if (!chosen.empty()) {
      int32_t token = chosen[next++];
      if (!share.request->isFinished())
        share.request->advance(token);
      continue;
    }
    std::span<float> row = rest.first(size_t(textLimits.vocabulary));
    rest = rest.subspan(row.size());
    if (!share.request->isFinished()) // cancelled meanwhile
      share.request->advance(row);
  }
}

size_t Engine::step() {
  std::lock_guard stepping(stepMutex);
  std::unique_lock lock(mutex);
  scheduler.removeFinished();
  const std::vector<StepShare> &shares = scheduler.plan();
  size_t unfinished = scheduler.runningCount() + scheduler.waitingCount();
  if (shares.empty() && unfinished == 0)
    return 0;
  if (shares.empty()) {
    PageCounts pages = session->pageUse().pages;
    throw Failure(LATHE_OUT_OF_MEMORY, "none of ", unfinished, " requests can go on: ", session->sequencesLeft(),
                  " of ", session->sequenceCapacity(), " sequences and ", pages.available(), " of ", pages.total,
                  " pages are free, others are held outside of the engine; release some");
  }
  std::optional<Failure> failure = run(shares, lock);
  if (failure && failure->code() != LATHE_OUT_OF_MEMORY)
    failure = runEachAlone(shares, *failure, lock);
  scheduler.settle();
  scheduler.removeFinished();
  if (failure)
    throw *failure;
  return scheduler.runningCount() + scheduler.waitingCount();
}

std::optional<Failure> Engine::run(std::span<const StepShare> shares, std::unique_lock<std::mutex> &lock) {
  fillStep(shares);
  lathe_step_options options{};
  options.struct_size = sizeof(options);
  options.entry = entry.name.c_str();
  options.token_counts = counts.data();
  options.tokens = tokens.data();
  static constexpr int32_t NoRow = 0; // a list of no rows is not NULL: that asks for the last of each sequence
  options.rows = rows.empty() ? &NoRow : rows.data();
  options.row_count = rows.size();
  options.logits = logits.empty() ? nullptr : logits.data();
  options.sampled_tokens = chosen.empty() ? nullptr : chosen.data();
  options.samplers = samplers.empty() ? nullptr : samplers.data();
  options.logits_bytes = logits.size() * sizeof(float);
  std::optional<Failure> failure;
  isStepping = true;
  lock.unlock();
  try {
    session->step(options, sequences);
  } catch (const Failure &problem) {
    failure = problem;
  } catch (const std::bad_alloc &) {
    failure.emplace(LATHE_OUT_OF_MEMORY, "the system gives no more memory");
  }
  lock.lock();
  isStepping = false;
  if (!failure) {
    ++steps;
    computedTokens += tokens.size();
    settle(shares);
  }
  return failure;
}

std::optional<Failure> Engine::runEachAlone(std::span<const StepShare> shares, const Failure &together,
                                            std::unique_lock<std::mutex> &lock) {
  bool anyWent = false;
  for (size_t i = 0; i != shares.size(); ++i) {
    std::optional<Failure> failure = shares.size() == 1 ? together : run(shares.subspan(i, 1), lock);
    if (!failure)
      anyWent = true;
    else if (failure->code() != LATHE_OUT_OF_MEMORY)
      shares[i].request->fail(failure->code(), failure->message());
  }
  return anyWent ? std::nullopt : std::optional(together);
}

void Engine::cancel(Request &request) {
  std::lock_guard lock(mutex);
  request.finish(LATHE_FINISH_CANCELLED);
  if (!isStepping)
    scheduler.removeFinished();
}

void Engine::poll(Request &request, RequestOutput &taken, lathe_request_output &state) {
  taken = RequestOutput();
  std::lock_guard lock(mutex);
  std::swap(taken, request.output);
  state.finish = request.reason;
  state.failure = request.failureCode;
  state.message = request.failure.c_str();
  state.top_count = size_t(request.topCount());
  state.shared_tokens = request.sharedTokens;
  state.preemptions = request.preemptions;
}

lathe_engine_info Engine::inspect() {
  PageUse use = session->pageUse(); // this may wait for a step, so not under our lock
  std::lock_guard lock(mutex);
  lathe_engine_info info{};
  info.running = scheduler.runningCount();
  info.waiting = scheduler.waitingCount();
  info.total_pages = uint64_t(use.pages.total);
  info.used_pages = uint64_t(use.pages.used);
  info.shared_pages = uint64_t(use.pages.shared);
  info.cached_pages = uint64_t(use.pages.cached);
  info.total_bytes = uint64_t(use.bytes.total);
  info.used_bytes = uint64_t(use.bytes.used);
  info.shared_bytes = uint64_t(use.bytes.shared);
  info.cached_bytes = uint64_t(use.bytes.cached);
  info.steps = steps;
  info.computed_tokens = computedTokens;
  info.shared_tokens = scheduler.sharedTokenCount();
  info.preemptions = scheduler.preemptionCount();
  return info;
}

} // namespace lathe::runtime
