#include "runtime/engine/Scheduler.h"

#include <algorithm>

namespace lathe::runtime {

Scheduler::~Scheduler() {
  for (auto &request : running)
    close(*request);
}

void Scheduler::close(Request &request) { session.closeSequence(request.sequence); }

void Scheduler::preemptLast() {
  std::shared_ptr<Request> last = std::move(running.back());
  running.pop_back();
  auto share = std::find_if(shares.begin(), shares.end(), [&](auto &one) { return one.request == last; });
  if (share != shares.end()) {
    tokensLeft += share->count;
    rowsLeft += share->wantsRow;
    shares.erase(share);
  }
  close(*last);
  ++last->preemptions;
  ++preemptions;
  waiting.push_front(std::move(last));
}

/// The planned step as the session sees it.
static std::vector<StepPart> partsOf(const std::vector<StepShare> &shares) {
  std::vector<StepPart> parts;
  for (const StepShare &share : shares)
    parts.push_back({&share.request->sequence, share.count});
  return parts;
}

/// Makes pages available for running request `index` to get `count` tokens in this step.
bool Scheduler::makeRoom(size_t index, int64_t count) {
  for (;;) {
    std::vector<StepPart> parts = partsOf(shares);
    parts.push_back({&running[index]->sequence, count});
    if (session.hasRoom(parts))
      return true;
    if (index + 1 == running.size())
      return false;
    preemptLast();
  }
}

/// Plans for running requests: those of which one token is pending, or the others.
void Scheduler::schedule(bool writing) {
  for (size_t i = 0; i < running.size(); ++i) {
    Request &request = *running[i];
    int64_t pending = request.pending(), count = std::min(pending, tokensLeft);
    if ((pending == 1) != writing)
      continue;
    if (count == pending && rowsLeft == 0)
      --count;
    if (count <= 0 || int64_t(shares.size()) == limits.stepSequences || !makeRoom(i, count))
      continue;
    shares.push_back({running[i], count, count == pending});
    tokensLeft -= count;
    rowsLeft -= count == pending;
  }
}

/// Whether a running request is about to fill this page of another one's text.
bool Scheduler::isBeingComputed(Request &request, size_t page) {
  std::span<const PageKey> keys = request.pageKeys(limits.beginningKey);
  return page < keys.size() && std::any_of(
                                   running.begin(), running.end(),
                                   [&](auto &other) {
                                     std::span<const PageKey> others = other->pageKeys(limits.beginningKey);
                                     return page < others.size() && others[page] == keys[page] &&
                                            other->sequence.length < int64_t(page + 1) * PageTokens;
                                   });
}

/// Opens the sequence of the first waiting request, with the pages that are there already, if it is time for it.
bool Scheduler::begin(Request &request) {
  session.openSequence({}, request.sequence);
  if (limits.sharesPrefixes) {
    // The last token is computed in any case, for its logits.
    int64_t most = request.pending() - 1;
    int64_t found = session.adopt(request.sequence, request.pageKeys(limits.beginningKey), most);
    if (found < most && isBeingComputed(request, size_t(found / PageTokens))) {
      close(request);
      return false;
    }
  }
  std::vector<StepPart> parts = {{&request.sequence, request.pending()}};
  for (auto &other : running)
    parts.push_back({&other->sequence, other->pending()});
  if (!session.hasRoom(parts)) {
    close(request);
    return false;
  }
  if (request.preemptions == 0)
    request.sharedTokens = request.sequence.length;
  sharedTokens += uint64_t(request.sequence.length);
  return true;
}

void Scheduler::admit() {
  while (!waiting.empty() && tokensLeft > 0 && int64_t(running.size()) < limits.running &&
         int64_t(shares.size()) < limits.stepSequences && session.sequencesLeft() > 0 && begin(*waiting.front())) {
    running.push_back(std::move(waiting.front()));
    waiting.pop_front();
    Request &request = *running.back();
    int64_t pending = request.pending(), count = std::min(pending, tokensLeft);
    if (count == pending && rowsLeft == 0 && --count == 0)
      break;
    shares.push_back({running.back(), count, count == pending});
    tokensLeft -= count;
    rowsLeft -= count == pending;
  }
}

const std::vector<StepShare> &Scheduler::plan() {
  shares.clear();
  tokensLeft = limits.stepTokens;
  rowsLeft = limits.stepRows;
  schedule(/*writing=*/true);
  schedule(/*writing=*/false);
  admit();
  // A request that began may share a page that another was to write: that one takes a page more now.
  while (running.size() > 1 && !session.hasRoom(partsOf(shares)))
    preemptLast();
  if (!session.hasRoom(partsOf(shares)))
    shares.clear();
  return shares;
}

void Scheduler::settle() {
  for (const StepShare &share : shares) {
    Request &request = *share.request;
    bool shared = limits.sharesPrefixes;
    session.settle(request.sequence, shared ? request.pageKeys(limits.beginningKey) : std::span<const PageKey>());
  }
}

void Scheduler::removeFinished() {
  auto isFinished = [](const std::shared_ptr<Request> &request) { return request->isFinished(); };
  for (auto &request : running)
    if (isFinished(request))
      close(*request);
  std::erase_if(running, isFinished);
  std::erase_if(waiting, isFinished);
}

} // namespace lathe::runtime
