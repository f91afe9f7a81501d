#include "runtime/parallel/Watch.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cstring>

namespace lathe::runtime {

static constexpr std::chrono::milliseconds Interval(100); // between beats

Watch::Watch(Pulse &pulse, int rank, int size, const WatchLimits &limits)
    : pulse(pulse), rank(rank), limits(limits), peers(size_t(size), Peer{Clock::now(), {}}) {
  thread = std::thread([this] { run(); });
}

Watch::~Watch() {
  {
    std::lock_guard lock(mutex);
    ending = true;
  }
  wake.notify_all();
  thread.join();
}

void Watch::check() const {
  std::lock_guard lock(mutex);
  if (!broken.empty())
    throw Failure(LATHE_DEVICE_ERROR, broken);
}

bool Watch::isBroken() const {
  std::lock_guard lock(mutex);
  return !broken.empty();
}

void Watch::fail(const std::string &why) {
  std::unique_lock lock(mutex);
  if (!broken.empty() || own.state != Beat::Alive)
    return;
  own.state = Beat::Failed;
  std::strncpy(own.why, why.c_str(), sizeof(own.why) - 1);
  broken = "this rank, " + std::to_string(rank) + ", has failed before: " + why;
  uint64_t before = own.number;
  wake.notify_all();
  beaten.wait_for(lock, std::chrono::seconds(1), [&] { return own.number != before || ending; });
}

void Watch::leave() {
  std::unique_lock lock(mutex);
  if (own.state != Beat::Alive)
    return;
  own.state = Beat::Left;
  uint64_t before = own.number;
  wake.notify_all();
  beaten.wait_for(lock, std::chrono::seconds(1), [&] { return own.number != before || ending; });
}

int Watch::onBreak(std::function<void()> action) {
  std::lock_guard lock(mutex);
  actions.emplace_back(nextAction, std::move(action));
  return nextAction++;
}

void Watch::forget(int action) {
  std::lock_guard lock(mutex); // not while actions run: they are called under it
  std::erase_if(actions, [&](auto &known) { return known.first == action; });
}

Watch::Wait::Wait(Watch &watch, const char *what, bool limited) : watch(watch) {
  std::lock_guard lock(watch.mutex);
  ++watch.own.entered;
  watch.waitingFor = what;
  watch.waitIsLimited = limited;
  watch.waitingSince = Clock::now();
}

Watch::Wait::~Wait() {
  std::lock_guard lock(watch.mutex);
  watch.waitingFor = nullptr;
}

void Watch::breakUp(const std::string &why) {
  if (broken.empty())
    broken = why;
}

static std::string seconds(std::chrono::milliseconds time) {
  std::string tenths = std::to_string(time.count() / 100);
  return tenths.size() < 2 ? "0." + tenths + " s" : tenths.substr(0, tenths.size() - 1) + "." + tenths.back() + " s";
}

void Watch::listen() {
  Beat beat;
  for (int from; (from = pulse.receive(beat)) >= 0;) {
    beat.why[sizeof(beat.why) - 1] = 0;
    if (size_t(from) >= peers.size() || from == rank)
      continue;
    peers[size_t(from)] = {Clock::now(), beat};
    if (beat.state == Beat::Failed)
      breakUp("rank " + std::to_string(from) + " of " + std::to_string(peers.size()) + " has failed: " + beat.why);
  }
}

void Watch::judge() {
  Clock::time_point now = Clock::now();
  std::string of = " of " + std::to_string(peers.size());
  bool isLate = waitingFor && waitIsLimited && now - waitingSince > limits.wait;
  for (size_t i = 0; i != peers.size(); ++i) {
    const Peer &peer = peers[i];
    if (int(i) == rank)
      continue;
    std::string name = "rank " + std::to_string(i) + of;
    bool isBehind = peer.last.entered < own.entered;
    if (peer.last.state == Beat::Left && waitingFor && isBehind)
      breakUp(name + " has left, but " + waitingFor + " waits for it");
    else if (peer.last.state == Beat::Alive && now - peer.heard > limits.silence)
      breakUp(name + " has given no sign of life for " + seconds(limits.silence) +
              ": its process is dead or stopped, or its machine cannot be reached");
    else if (isLate && isBehind)
      breakUp(name + " lets the others wait: " + waitingFor + ", collective " + std::to_string(own.entered) +
              ", has waited for " + seconds(limits.wait) + ", and that rank is at " +
              std::to_string(peer.last.entered));
  }
  if (isLate)
    breakUp(std::string(waitingFor) + ", collective " + std::to_string(own.entered) + " of rank " +
            std::to_string(rank) + ", is not done after " + seconds(limits.wait) +
            ", though all ranks have come to it");
}

void Watch::act() {
  if (broken.empty() || acted)
    return;
  acted = true;
  for (auto &[number, action] : actions)
    action();
}

void Watch::run() {
  std::unique_lock lock(mutex);
  while (!ending) {
    ++own.number;
    pulse.send(own);
    beaten.notify_all();
    listen();
    judge();
    act();
    uint32_t state = own.state;
    wake.wait_for(lock, Interval, [&] { return ending || own.state != state; });
  }
}

} // namespace lathe::runtime
