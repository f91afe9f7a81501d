#include "runtime/cuda/Mailboxes.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace lathe::runtime::cuda {

/// Up to so many bytes a kernel is faster than NCCL: each rank sends all it has to all others, which costs nothing but
/// time on the link, of which there is the more the more ranks there are (docs/gpu-results.md, ranks).
static int64_t fastestBytes(int ranks) { return (int64_t(2) << 20) / ranks; }

namespace {
/// What a rank tells the others of its mailbox.
struct Offer {
  IpcHandle handle;
  char machine[64]; ///< the number of this start of its system
  uint32_t isThere;
};
} // namespace

Mailboxes::Mailboxes(const CudaDevice &device, const Group &group, int64_t bytes)
    : driver(device.driver), rank(group.rank), capacity((bytes + SumKernel::PacketBytes - 1) / SumKernel::PacketBytes),
      boxes(size_t(group.size)) {
  size_t boxBytes = size_t(capacity) * SumKernel::MailboxCopies * size_t(group.size) * SumKernel::MailboxBytes;
  size_t callsBytes = size_t(capacity + SumKernel::Threads - 1) / SumKernel::Threads * SumKernel::CallsBytes;
  own = DeviceMemory(driver, boxBytes);
  calls = DeviceMemory(driver, callsBytes);
  driver(driver.memAllocHost, &word, sizeof(uint32_t));
  *static_cast<uint32_t *>(word) = 0;
  Stream stream = nullptr;
  driver(driver.streamCreate, &stream, StreamNonBlocking);
  Result zeroed = driver.memset.function(own.at(0), 0, boxBytes, stream);
  Result alsoZeroed = driver.memset.function(calls.at(0), 0, callsBytes, stream);
  Result waited = driver.streamSynchronize.function(stream);
  (void)driver.streamDestroy.function(stream);
  if (Result failed = zeroed ? zeroed : alsoZeroed ? alsoZeroed : waited)
    driver.fail(failed, driver.memset.name, "mailboxes of ranks");
}

void Mailboxes::close(Group &group) {
  for (size_t other = 0; other != boxes.size(); ++other)
    if (int(other) != rank && boxes[other])
      (void)driver.ipcClose.function(boxes[other]);
  boxes.clear();
  unsigned char done = 1;
  std::vector<unsigned char> all(size_t(group.size));
  try {
    group.allGather(&done, all.data(), 1);
  } catch (const std::exception &) {
    // The group is broken, and the others end too.
  }
}

Mailboxes::~Mailboxes() {
  if (word)
    (void)driver.memFreeHost.function(word);
}

/// Exchanges the boxes; whether this rank reaches all of them.
bool Mailboxes::reach(Group &group) {
  Offer offer{};
  std::ifstream("/proc/sys/kernel/random/boot_id").getline(offer.machine, sizeof(offer.machine));
  offer.isThere = driver.ipcGet.function(&offer.handle, own.at(0)) == Success;
  std::vector<Offer> offers(boxes.size());
  group.allGather(&offer, offers.data(), sizeof(offer));
  for (size_t other = 0; other != offers.size(); ++other) {
    if (!offers[other].isThere || std::memcmp(offers[other].machine, offer.machine, sizeof(offer.machine)) != 0)
      return false;
    if (int(other) == rank)
      boxes[other] = own.at(0);
    else if (driver.ipcOpen.function(&boxes[other], offers[other].handle, IpcEnablePeerAccess)) {
      boxes[other] = 0;
      return false;
    }
  }
  return true;
}

std::unique_ptr<Mailboxes> Mailboxes::open(const CudaDevice &device, Group &group) {
  int64_t bytes = group.directBytes < 0 ? fastestBytes(group.size) : group.directBytes;
  // All tiles of a kernel must find a place at one time, on the smallest of the GPUs.
  int64_t most = int64_t(device.multiprocessors) * SumKernel::Resident * SumKernel::Threads * SumKernel::PacketBytes;
  std::vector<int64_t> room(size_t(group.size));
  group.allGather(&most, room.data(), sizeof(most));
  bytes = std::min(bytes, *std::min_element(room.begin(), room.end()));
  if (bytes == 0 || group.size < 2 || group.size > SumKernel::MostRanks)
    return nullptr;
  std::unique_ptr<Mailboxes> made(new Mailboxes(device, group, bytes));
  unsigned char reached = made->reach(group);
  std::vector<unsigned char> all(size_t(group.size));
  group.allGather(&reached, all.data(), 1); // no kernel begins before all mailboxes are open
  if (std::find(all.begin(), all.end(), 0) == all.end())
    return made;
  made->close(group);
  return nullptr;
}

int64_t Mailboxes::countPackets(const Collective &call) {
  return call.count * int64_t(typeBytes(call.type)) / SumKernel::PacketBytes;
}

bool Mailboxes::takes(const Collective &call) const {
  bool isFloat = call.type == LATHE_F32 || call.type == LATHE_F16 || call.type == LATHE_BF16;
  if (call.kind != CollectiveKind::AllReduce || call.reduction != Reduction::Sum || !isFloat)
    return false;
  int64_t bytes = call.count * int64_t(typeBytes(call.type));
  auto isAligned = [](const void *pointer) {
    return reinterpret_cast<uintptr_t>(pointer) % SumKernel::PacketBytes == 0;
  };
  return bytes > 0 && bytes % SumKernel::PacketBytes == 0 && countPackets(call) <= capacity && isAligned(call.source) &&
         isAligned(call.target);
}

} // namespace lathe::runtime::cuda
