// Runs kernel templates on the CPU, so that their indexing and their arithmetic are tested where there is no GPU.
// Included before the templates (-include) by a compiler that is not a CUDA compiler.
//
// A block is one fiber a thread on one OS thread. A warp runs until all its lanes stop at a barrier of the block, then
// the next one does: without a barrier, one warp is a whole kernel ahead of another. A barrier that some thread never
// reaches, or a warp instruction that not all 32 lanes execute, ends the program with a message. Odd launches run warps
// and threads in reverse, so a result that needs a missing barrier differs between two launches.
// cp.async copies when it is waited for, not before: memory read too early still holds what was there. Bulk copies, and
// copies that arrive at a barrier, come as late as possible, when no thread can go on without them; in odd launches at
// once, so that a copy into memory that is still read does its harm.
// What blocks of a cluster send each other comes as late as possible too; in odd launches before a block goes on.
// Kernels run one after the other; of waitForPrevious() it is only known whether a block has called it.
// Not modelled: time, memory order without barriers, more than one block at once.
#ifndef LATHE_TEST_KERNELS_EMULATION_H
#define LATHE_TEST_KERNELS_EMULATION_H

#define LATHE_EMULATED 1
#define __device__
#define __host__
#define __global__
#define __align__(n) alignas(n)
#define __launch_bounds__(...)
#define __cluster_dims__(...)

#include "Numbers.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

struct alignas(8) float2 {
  float x, y;
};
struct alignas(8) uint2 {
  uint32_t x, y;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};

namespace lathe::kernels::test {

struct Dimensions {
  unsigned x = 1, y = 1, z = 1;
};

struct AsyncCopy {
  void *Target;
  const void *Source;
  int Valid;

  void run() const {
    std::memset(Target, 0, 16);
    std::memcpy(Target, Source, Valid);
  }
};

/// What instructions_sm90.cuh calls a barrier, in its 8 bytes.
struct ArrivalBarrier {
  uint16_t Arrivals;
  uint16_t Left : 15, Phase : 1;
  int32_t Bytes;

  void finish() {
    if (Left != 0 || Bytes != 0)
      return;
    Left = Arrivals;
    Phase ^= 1;
  }
};
static_assert(sizeof(ArrivalBarrier) == 8);

struct BulkCopy {
  void *Target;
  const void *Source;
  uint32_t Bytes;
  ArrivalBarrier *Barrier;

  void run() const {
    std::memcpy(Target, Source, Bytes);
    Barrier->Bytes -= static_cast<int32_t>(Bytes);
    Barrier->finish();
  }
};

/// Copies of one thread that arrive at a barrier once they are done.
struct ArrivingCopies {
  std::vector<AsyncCopy> Copies;
  ArrivalBarrier *Barrier;

  void run() const {
    for (const AsyncCopy &copy : Copies)
      copy.run();
    --Barrier->Left;
    Barrier->finish();
  }
};

/// One thread of the block: its stack, where it stopped, and the copies it has started.
struct Fiber {
  enum State { Ready, AtBlockBarrier, AtWarpBarrier, AtSomeBarrier, AtArrivals, AtCluster, Done };
  void *StackPointer = nullptr;
  std::unique_ptr<char[]> Stack;
  State Where = Done;
  unsigned Thread = 0;
  std::vector<std::vector<AsyncCopy>> Groups;
  std::vector<AsyncCopy> Open;
  ArrivalBarrier *Arrivals = nullptr; ///< AtArrivals: waits for the end of a phase of this parity
  unsigned Parity = 0;
  int SomeBarrier = 0; ///< AtSomeBarrier: which, and how many threads it joins
  unsigned SomeThreads = 0;
  unsigned ClusterArrivals = 0; ///< how often it has arrived at the barrier of the cluster
};

/// What another block of the cluster has sent to shared memory, and its barrier: an arrival if it has no bytes. Places
/// are bytes from the beginning of shared memory.
struct PeerMessage {
  size_t Place, Barrier;
  std::vector<char> Bytes;
};

/// Saves the registers that a call must keep, stores the stack pointer in *from and goes on at `to`.
extern "C" void latheSwitchStack(void **from, void *to);
asm(R"(
.text
.globl latheSwitchStack
.type latheSwitchStack, @function
latheSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size latheSwitchStack, .-latheSwitchStack
)");

class Block {
public:
  static constexpr size_t StackBytes = 256 << 10;
  static inline Block *Current = nullptr;

  Dimensions ThreadIndex, BlockIndex, BlockSize, GridSize;
  std::unique_ptr<char[]> SharedStorage;
  char *Shared = nullptr;
  Fiber *Running = nullptr;
  bool Waited = false;   ///< some thread has called waitForPrevious()
  char Exchange[32][32]; ///< what the lanes of the running warp show each other
  bool Reverse = false;
  std::vector<BulkCopy> BulkCopies; ///< started, not yet arrived
  std::vector<ArrivingCopies> Arriving;
  unsigned SomeArrived[16] = {};     ///< threads that have arrived at a named barrier and gone on
  unsigned ClusterBlocks = 0;        ///< not 0: threads have waited for a cluster of so many blocks
  std::vector<PeerMessage> Messages; ///< sent, not yet arrived
  // What blocks of a cluster show each other.
  static inline char *Base = nullptr; ///< shared memory of the block that runs
  static inline std::vector<char *> Peers;
  static inline std::vector<Block *> Cluster; ///< once all its blocks have started
  static inline unsigned ClusterPhase = 0;    ///< how often all threads of the cluster have met

  void run(unsigned threads, size_t sharedBytes, bool reverse, const std::function<void()> &body) {
    Current = this;
    Waited = false;
    Reverse = reverse;
    BulkCopies.clear();
    Arriving.clear();
    Messages.clear();
    ClusterBlocks = 0;
    std::memset(SomeArrived, 0, sizeof(SomeArrived));
    Body = &body;
    SharedStorage.reset(new char[sharedBytes + 1024]);
    Shared = SharedStorage.get() + (1024 - reinterpret_cast<uintptr_t>(SharedStorage.get()) % 1024) % 1024;
    std::memset(Shared, 0xff, sharedBytes); // NaN in every float type
    while (Fibers.size() < threads)
      Fibers.push_back(std::make_unique<Fiber>());
    Count = threads;
    for (unsigned i = 0; i < threads; ++i)
      start(*Fibers[i], i);
    proceed();
  }

  /// Goes on with what other blocks of the cluster have done meanwhile; false if that does not help any thread.
  bool resume() {
    Current = this;
    bool any = !Messages.empty();
    while (Reverse && !Messages.empty())
      receive();
    for (unsigned i = 0; i < Count; ++i)
      if (Fiber &fiber = *Fibers[i]; fiber.Where == Fiber::AtCluster && fiber.ClusterArrivals <= ClusterPhase) {
        fiber.Where = Fiber::Ready;
        any = true;
      }
    proceed();
    return any;
  }

  bool isDone() const {
    return std::all_of(Fibers.begin(), Fibers.begin() + Count,
                       [](const auto &fiber) { return fiber->Where == Fiber::Done; });
  }
  /// Whether nobody of this block is missing at the barrier of the cluster.
  bool hasArrived() const {
    return std::all_of(Fibers.begin(), Fibers.begin() + Count, [](const auto &fiber) {
      return fiber->Where == Fiber::Done || fiber->ClusterArrivals > ClusterPhase;
    });
  }

  void arriveAtCluster() { ++Running->ClusterArrivals; }
  void waitForCluster(unsigned blocks) {
    ClusterBlocks = blocks;
    if (Running->ClusterArrivals > ClusterPhase)
      wait(Fiber::AtCluster);
  }

  void send(const void *place, int rank, const void *bytes, size_t count, const void *barrier) {
    if (size_t(rank) >= Cluster.size()) {
      std::fprintf(stderr, "emulation: something is sent to a block of the cluster that may not have started\n");
      std::exit(1);
    }
    auto *from = static_cast<const char *>(bytes);
    Cluster[rank]->Messages.push_back({size_t(static_cast<const char *>(place) - Base),
                                       size_t(static_cast<const char *>(barrier) - Base),
                                       {from, from + count}});
  }

  /// No thread of the cluster can go on.
  [[noreturn]] void fail() const {
    static const char *const names[] = {
        "", "block barrier", "warp barrier", "named barrier", "barrier of arrivals", "barrier of a cluster"};
    for (unsigned i = 0; i < Count; ++i)
      if (Fibers[i]->Where != Fiber::Done)
        std::fprintf(stderr, "emulation: thread %u waits at a %s that not all threads reach\n", i,
                     names[Fibers[i]->Where]),
            std::exit(1);
    std::abort(); // someone waits
  }

  void wait(Fiber::State where) {
    Running->Where = where;
    latheSwitchStack(&Running->StackPointer, Scheduler);
  }

private:
  std::vector<std::unique_ptr<Fiber>> Fibers;
  unsigned Count = 0;
  void *Scheduler = nullptr;
  const std::function<void()> *Body = nullptr;

  /// Runs to the end, or until all threads wait for other blocks of the cluster.
  void proceed() {
    while (step(Reverse))
      ;
    if (ClusterBlocks <= 1 && !isDone())
      fail();
  }

  /// Lets the oldest message arrive.
  void receive() {
    PeerMessage message = std::move(Messages.front());
    Messages.erase(Messages.begin());
    auto *barrier = reinterpret_cast<ArrivalBarrier *>(Base + message.Barrier);
    if (message.Bytes.empty())
      --barrier->Left;
    else
      std::memcpy(Base + message.Place, message.Bytes.data(), message.Bytes.size());
    barrier->Bytes -= static_cast<int32_t>(message.Bytes.size());
    barrier->finish();
    openArrivals();
  }

  static void enter() {
    (*Current->Body)();
    Current->wait(Fiber::Done);
    std::abort(); // a finished fiber is never resumed
  }

  void start(Fiber &fiber, unsigned thread) {
    if (!fiber.Stack)
      fiber.Stack.reset(new char[StackBytes]);
    auto top = reinterpret_cast<uintptr_t>(fiber.Stack.get() + StackBytes) & ~uintptr_t(63);
    auto *words = reinterpret_cast<void **>(top) - 2; // entered as if called: 8 bytes below a multiple of 16
    words[0] = reinterpret_cast<void *>(&enter);
    fiber.StackPointer = words - 6;
    fiber.Where = Fiber::Ready;
    fiber.Thread = thread;
    fiber.Groups.clear();
    fiber.Open.clear();
    fiber.ClusterArrivals = 0;
  }

  /// Runs each warp as far as it goes without the others, then opens the block's barrier if all have reached it. False
  /// at the end of the block.
  bool step(bool reverse) {
    bool ran = false;
    unsigned warps = (Count + 31) / 32;
    for (unsigned i = 0; i < warps; ++i)
      while (runWarp((reverse ? warps - 1 - i : i) * 32, reverse))
        ran = true;
    bool opened = open(0, Count, Fiber::AtBlockBarrier);
    opened = openSome() || opened;
    if (openArrivals() || ran || opened)
      return true;
    if (!Arriving.empty()) {
      Arriving.front().run();
      Arriving.erase(Arriving.begin());
      openArrivals();
      return true;
    }
    if (!BulkCopies.empty()) {
      BulkCopies.front().run();
      BulkCopies.erase(BulkCopies.begin());
      openArrivals();
      return true;
    }
    if (!Messages.empty()) {
      receive();
      return true;
    }
    return false;
  }

  /// Lets threads go on whose phase has ended.
  bool openArrivals() {
    bool any = false;
    for (unsigned i = 0; i < Count; ++i)
      if (Fiber &fiber = *Fibers[i]; fiber.Where == Fiber::AtArrivals && fiber.Arrivals->Phase != fiber.Parity) {
        fiber.Where = Fiber::Ready;
        any = true;
      }
    return any;
  }

  /// Lets threads go on whose named barrier is full.
  bool openSome() {
    unsigned waiting[16] = {}, wanted[16] = {};
    for (unsigned i = 0; i < Count; ++i)
      if (Fiber &fiber = *Fibers[i]; fiber.Where == Fiber::AtSomeBarrier) {
        ++waiting[fiber.SomeBarrier];
        wanted[fiber.SomeBarrier] = fiber.SomeThreads;
      }
    bool any = false, full[16] = {};
    for (int id = 0; id < 16; ++id) {
      full[id] = waiting[id] > 0 && waiting[id] + SomeArrived[id] == wanted[id];
      SomeArrived[id] = full[id] ? 0 : SomeArrived[id];
    }
    for (unsigned i = 0; i < Count; ++i)
      if (Fiber &fiber = *Fibers[i]; fiber.Where == Fiber::AtSomeBarrier && full[fiber.SomeBarrier]) {
        fiber.Where = Fiber::Ready;
        any = true;
      }
    return any;
  }

  /// Runs every ready fiber of the warp once. False when none was ready.
  bool runWarp(unsigned first, bool reverse) {
    bool ran = false;
    unsigned last = first + 32 < Count ? first + 32 : Count;
    for (unsigned i = first; i < last; ++i) {
      Fiber &fiber = *Fibers[reverse ? first + last - 1 - i : i];
      if (fiber.Where != Fiber::Ready)
        continue;
      ran = true;
      Running = &fiber;
      ThreadIndex.x = fiber.Thread;
      ThreadIndex.y = ThreadIndex.z = 0;
      latheSwitchStack(&Scheduler, fiber.StackPointer);
    }
    open(first, last, Fiber::AtWarpBarrier);
    return ran;
  }

  /// Lets threads begin .. end-1 go on when every one that has not finished waits at `where`.
  bool open(unsigned begin, unsigned end, Fiber::State where) {
    bool any = false;
    for (unsigned i = begin; i < end && i < Count; ++i) {
      if (Fibers[i]->Where == where)
        any = true;
      else if (Fibers[i]->Where != Fiber::Done || where == Fiber::AtWarpBarrier)
        return false;
    }
    for (unsigned i = begin; any && i < end && i < Count; ++i)
      if (Fibers[i]->Where == where)
        Fibers[i]->Where = Fiber::Ready;
    return any;
  }
};

/// Goes on with the blocks of a cluster by turns until all have ended. `images` is the shared memory of each where they
/// have it at `common` while they run.
inline void runCluster(const std::vector<Block *> &cluster, std::vector<std::vector<char>> &images, char *common) {
  auto all = [&](auto test) { return std::all_of(cluster.begin(), cluster.end(), test); };
  for (bool any = true; any && !all([](Block *block) { return block->isDone(); });) {
    any = all([](Block *block) { return block->hasArrived(); });
    Block::ClusterPhase += any;
    for (size_t rank = 0; rank < cluster.size(); ++rank) {
      if (cluster[rank]->isDone())
        continue;
      Block::Peers.clear();
      for (size_t peer = 0; peer < cluster.size(); ++peer)
        Block::Peers.push_back(!common ? cluster[peer]->Shared : peer == rank ? common : images[peer].data());
      if (common)
        std::memcpy(common, images[rank].data(), images[rank].size());
      Block::Base = Block::Peers[rank];
      any = cluster[rank]->resume() || any;
      if (common)
        std::memcpy(images[rank].data(), common, images[rank].size());
    }
  }
  for (Block *block : cluster)
    if (!block->isDone())
      block->fail();
}

/// Runs the blocks of a grid one after another, those of a cluster by turns. Shared memory is each block's own, or that
/// at `common`, which is then each one's while it runs.
inline void runGrid(unsigned grid, unsigned threads, size_t sharedBytes, bool reverse, char *common,
                    const std::function<void()> &body, const std::function<void(const Block &)> &finished = {}) {
  static std::vector<std::unique_ptr<Block>> blocks;
  for (unsigned first = 0, size = 1; first < grid; first += size) {
    std::vector<std::vector<char>> images;
    std::vector<Block *> cluster;
    Block::Cluster.clear();
    Block::ClusterPhase = 0;
    size = 1;
    for (unsigned rank = 0; rank < size; ++rank) {
      if (blocks.size() <= rank)
        blocks.push_back(std::make_unique<Block>());
      Block &block = *blocks[rank];
      block.BlockIndex.x = first + rank;
      block.GridSize.x = grid;
      block.BlockSize.x = threads;
      if (common)
        std::memset(common, 0xff, sharedBytes); // NaN in every float type
      block.run(threads, common ? 0 : sharedBytes, reverse, body);
      cluster.push_back(&block);
      size = rank == 0 && block.ClusterBlocks ? block.ClusterBlocks : size;
      if (common && size > 1)
        images.emplace_back(common, common + sharedBytes);
    }
    Block::Cluster = cluster;
    runCluster(cluster, images, common);
    for (unsigned rank = 0; finished && rank < size; ++rank)
      finished(*blocks[rank]);
  }
}

/// Shows `mine` to the warp and returns everyone's.
template <class T> inline std::vector<T> exchange(const T &mine) {
  static_assert(sizeof(T) <= 32);
  static char slots[64][32][32]; // by warp
  Block &block = *Block::Current;
  unsigned thread = block.Running->Thread;
  std::memcpy(slots[thread / 32][thread % 32], &mine, sizeof(T));
  block.wait(Fiber::AtWarpBarrier);
  std::vector<T> all(32);
  for (int lane = 0; lane < 32; ++lane)
    std::memcpy(&all[lane], slots[thread / 32][lane], sizeof(T));
  block.wait(Fiber::AtWarpBarrier);
  return all;
}

} // namespace lathe::kernels::test

#define threadIdx (::lathe::kernels::test::Block::Current->ThreadIndex)
#define blockIdx (::lathe::kernels::test::Block::Current->BlockIndex)
#define blockDim (::lathe::kernels::test::Block::Current->BlockSize)
#define gridDim (::lathe::kernels::test::Block::Current->GridSize)

inline void __syncthreads() {
  auto &block = *lathe::kernels::test::Block::Current;
  block.wait(lathe::kernels::test::Fiber::AtBlockBarrier);
}
inline void __syncwarp() {
  auto &block = *lathe::kernels::test::Block::Current;
  block.wait(lathe::kernels::test::Fiber::AtWarpBarrier);
}
template <class T> inline T __shfl_xor_sync(unsigned, T value, int mask) {
  return lathe::kernels::test::exchange(value)[(threadIdx.x % 32) ^ mask];
}
template <class T> inline T __shfl_sync(unsigned, T value, int lane) {
  return lathe::kernels::test::exchange(value)[lane];
}
inline int __syncthreads_count(bool vote) {
  static bool votes[1024]; // by thread
  auto &block = *lathe::kernels::test::Block::Current;
  votes[block.Running->Thread] = vote;
  block.wait(lathe::kernels::test::Fiber::AtBlockBarrier);
  int count = 0;
  for (unsigned thread = 0; thread < block.BlockSize.x; ++thread)
    count += votes[thread];
  block.wait(lathe::kernels::test::Fiber::AtBlockBarrier);
  return count;
}
inline unsigned __ballot_sync(unsigned, bool vote) {
  unsigned votes = 0;
  for (int lane = 0; bool each : lathe::kernels::test::exchange<unsigned char>(vote))
    votes |= unsigned(each) << lane++;
  return votes;
}
inline unsigned __match_any_sync(unsigned, int value) {
  unsigned same = 0;
  for (int lane = 0; int each : lathe::kernels::test::exchange(value))
    same |= unsigned(each == value) << lane++;
  return same;
}
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int atomicAdd(int *counter, int more) { return std::exchange(*counter, *counter + more); }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline void sincospif(float x, float *sine, float *cosine) {
  *sine = static_cast<float>(std::sin(x * M_PI));
  *cosine = static_cast<float>(std::cos(x * M_PI));
}

#include "instructions_sm90.cuh"

namespace lathe::kernels {

inline float halfToFloat(uint16_t bits) { return test::halfValue(bits); }
inline uint16_t floatToHalf(float value) { return test::halfBits(value); }
inline uint16_t floatToBFloat16(float value) { return test::bfloat16Bits(value); }
inline uint32_t packHalf(float low, float high) { return test::halfBits(low) | uint32_t(test::halfBits(high)) << 16; }
inline uint32_t packBFloat16(float low, float high) {
  return test::bfloat16Bits(low) | uint32_t(test::bfloat16Bits(high)) << 16;
}

inline void copyAsync16(void *shared, const void *global, int valid) {
  if (reinterpret_cast<uintptr_t>(shared) % 16 || reinterpret_cast<uintptr_t>(global) % 16) {
    std::fprintf(stderr, "emulation: cp.async of 16 bytes at an address that is not a multiple of 16\n");
    std::exit(1);
  }
  test::Block::Current->Running->Open.push_back({shared, global, valid});
}
inline void commitAsync() {
  auto &fiber = *test::Block::Current->Running;
  fiber.Groups.push_back(std::move(fiber.Open));
  fiber.Open.clear();
}
template <int Pending> inline void waitAsync() {
  auto &groups = test::Block::Current->Running->Groups;
  while (groups.size() > Pending) {
    for (const test::AsyncCopy &copy : groups.front())
      copy.run();
    groups.erase(groups.begin());
  }
}

inline void storeForRanks(void *pointer, uint4 x) { *static_cast<uint4 *>(pointer) = x; }
inline uint4 loadFromRanks(const void *pointer) { return *static_cast<const uint4 *>(pointer); }
inline uint32_t loadOfHost(const uint32_t *pointer) { return *pointer; }

inline void waitForPrevious() { test::Block::Current->Waited = true; }
inline void startNext() {}

inline uint4 loadStreaming16(const void *pointer) { return *static_cast<const uint4 *>(pointer); }
inline uint32_t lowHalves(uint32_t first, uint32_t second) { return (first & 0xffff) | second << 16; }
inline uint32_t highHalves(uint32_t first, uint32_t second) { return first >> 16 | (second & 0xffff0000); }
inline void arriveAtCluster() { test::Block::Current->arriveAtCluster(); }
inline void clusterBarrier(int blocks) {
  arriveAtCluster();
  test::Block::Current->waitForCluster(unsigned(blocks));
}
inline void waitForCluster(int blocks) { test::Block::Current->waitForCluster(unsigned(blocks)); }
inline float loadPeer(const float *pointer, int rank) {
  return *reinterpret_cast<const float *>(test::Block::Peers[rank] +
                                          (reinterpret_cast<const char *>(pointer) - test::Block::Base));
}
inline void loadPeer4(const float *pointer, int rank, float (&x)[4]) {
  for (int i = 0; i < 4; ++i)
    x[i] = loadPeer(pointer + i, rank);
}
template <int N> inline void sendToPeer(float *place, int rank, const float (&x)[N], uint64_t *barrier) {
  if (reinterpret_cast<uintptr_t>(place) % (4 * N)) {
    std::fprintf(stderr, "emulation: %d floats are sent to an address that is not a multiple of their bytes\n", N);
    std::exit(1);
  }
  test::Block::Current->send(place, rank, x, sizeof(x), barrier);
}
inline void arriveAtPeer(uint64_t *barrier, int rank) {
  test::Block::Current->send(barrier, rank, nullptr, 0, barrier);
}
inline void waitForPeers(uint64_t *barrier, uint32_t parity) { waitBarrier(barrier, parity); }
inline float exponential2(float x) { return std::exp2(x); }
inline float divideNearly(float x, float y) { return x / y; }
inline uint32_t transposeMatrix(uint32_t row) {
  auto rows = test::exchange(row);
  int lane = threadIdx.x % 32;
  auto element = [&](int r, int c) { return rows[r * 4 + c / 2] >> c % 2 * 16 & 0xffff; };
  return element(lane % 4 * 2, lane / 4) | element(lane % 4 * 2 + 1, lane / 4) << 16;
}

template <class T> inline const T *pointerAfter(const T *pointer, float &) { return pointer; }
inline void forgetValue(int &) {}

inline void loadMatrix4(uint32_t (&r)[4], const void *row) {
  auto rows = test::exchange(row);
  int lane = threadIdx.x % 32;
  for (int matrix = 0; matrix < 4; ++matrix)
    std::memcpy(&r[matrix], static_cast<const char *>(rows[matrix * 8 + lane / 4]) + lane % 4 * 4, 4);
}
inline void loadMatrix4Transposed(uint32_t (&r)[4], const void *row) {
  auto rows = test::exchange(row);
  int lane = threadIdx.x % 32;
  for (int matrix = 0; matrix < 4; ++matrix) {
    uint16_t pair[2];
    for (int i = 0; i < 2; ++i)
      std::memcpy(&pair[i], static_cast<const char *>(rows[matrix * 8 + lane % 4 * 2 + i]) + lane / 4 * 2, 2);
    std::memcpy(&r[matrix], pair, 4);
  }
}

inline test::ArrivalBarrier &arrivals(uint64_t *barrier) { return *reinterpret_cast<test::ArrivalBarrier *>(barrier); }
inline void initBarrier(uint64_t *barrier, uint32_t count) {
  arrivals(barrier) = {static_cast<uint16_t>(count), static_cast<uint16_t>(count), 0, 0};
}
inline void endBarrier(uint64_t *barrier) { std::memset(barrier, 0xff, 8); }
inline void publishBarriers() {}
inline void arrive(uint64_t *barrier) {
  --arrivals(barrier).Left;
  arrivals(barrier).finish();
}
inline void arriveExpecting(uint64_t *barrier, uint32_t bytes) {
  arrivals(barrier).Bytes += static_cast<int32_t>(bytes);
  arrive(barrier);
}
inline bool testBarrier(uint64_t *barrier, uint32_t parity) { return arrivals(barrier).Phase != parity; }
inline void waitBarrier(uint64_t *barrier, uint32_t parity) {
  test::Block &block = *test::Block::Current;
  if (testBarrier(barrier, parity))
    return;
  block.Running->Arrivals = &arrivals(barrier);
  block.Running->Parity = parity;
  block.wait(test::Fiber::AtArrivals);
}
inline void arriveAfterCopies(uint64_t *barrier) {
  test::Block &block = *test::Block::Current;
  test::ArrivingCopies copies{std::move(block.Running->Open), &arrivals(barrier)};
  block.Running->Open.clear();
  if (block.Reverse)
    copies.run();
  else
    block.Arriving.push_back(std::move(copies));
}
inline void copyBulk(void *shared, const void *global, uint32_t bytes, uint64_t *barrier) {
  if (reinterpret_cast<uintptr_t>(shared) % 16 || reinterpret_cast<uintptr_t>(global) % 16 || bytes % 16) {
    std::fprintf(stderr, "emulation: a bulk copy whose addresses or bytes are not multiples of 16\n");
    std::exit(1);
  }
  test::BulkCopy copy{shared, global, bytes, &arrivals(barrier)};
  if (test::Block::Current->Reverse)
    copy.run();
  else
    test::Block::Current->BulkCopies.push_back(copy);
}
inline void copyBulkOnce(void *shared, const void *global, uint32_t bytes, uint64_t *barrier) {
  copyBulk(shared, global, bytes, barrier);
}
template <int Id, int Threads> inline void syncSome() {
  test::Block &block = *test::Block::Current;
  block.Running->SomeBarrier = Id;
  block.Running->SomeThreads = Threads;
  block.wait(test::Fiber::AtSomeBarrier);
}

template <float Number(uint16_t)>
inline void multiplyFragments(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  struct Fragments {
    uint32_t A[4], B[2];
  };
  auto all = test::exchange(Fragments{{a[0], a[1], a[2], a[3]}, {b0, b1}});
  int lane = threadIdx.x % 32;
  auto half = [](uint32_t word, int k) { return Number(static_cast<uint16_t>(word >> k % 2 * 16)); };
  for (int i = 0; i < 4; ++i) {
    int row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
    double sum = 0;
    for (int k = 0; k < 16; ++k)
      sum += half(all[row % 8 * 4 + k % 8 / 2].A[row / 8 + k / 8 * 2], k) *
             static_cast<double>(half(all[col * 4 + k % 8 / 2].B[k / 8], k));
    c[i] = static_cast<float>(c[i] + sum);
  }
}
inline void multiplyHalf(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiplyFragments<test::halfValue>(c, a, b0, b1);
}
inline void multiplyBFloat16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiplyFragments<test::bfloat16Value>(c, a, b0, b1);
}

inline uint32_t roundTf32(uint32_t bits) { return test::tf32Bits(bits); }
inline void multiplyTf32(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  struct Fragments {
    uint32_t A[4], B[2];
  };
  auto all = test::exchange(Fragments{{a[0], a[1], a[2], a[3]}, {b0, b1}});
  int lane = threadIdx.x % 32;
  auto value = [](uint32_t bits) { return static_cast<double>(std::bit_cast<float>(bits & 0xffffe000)); };
  for (int i = 0; i < 4; ++i) {
    int row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
    double sum = 0;
    for (int k = 0; k < 8; ++k)
      sum += value(all[row % 8 * 4 + k % 4].A[row / 8 + k / 4 * 2]) * value(all[col * 4 + k % 4].B[k / 4]);
    c[i] = static_cast<float>(c[i] + sum);
  }
}

template <class Left>
inline void multiplyByteFragments(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  struct Fragments {
    uint32_t A[4], B[2];
  };
  auto all = test::exchange(Fragments{{a[0], a[1], a[2], a[3]}, {b0, b1}});
  int lane = threadIdx.x % 32;
  for (int i = 0; i < 4; ++i) {
    int row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
    for (int k = 0; k < 32; ++k)
      c[i] += static_cast<Left>(all[row % 8 * 4 + k % 16 / 4].A[row / 8 + k / 16 * 2] >> k % 4 * 8) *
              static_cast<int8_t>(all[col * 4 + k % 16 / 4].B[k / 16] >> k % 4 * 8);
  }
}
inline void multiplyBytes(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiplyByteFragments<uint8_t>(c, a, b0, b1);
}
inline void multiplySignedBytes(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiplyByteFragments<int8_t>(c, a, b0, b1);
}
inline uint32_t multiplyPairs(uint32_t a, uint32_t b) {
  auto half = [](uint32_t word, int i) { return test::halfValue(static_cast<uint16_t>(word >> i * 16)); };
  return packHalf(half(a, 0) * half(b, 0), half(a, 1) * half(b, 1));
}
inline uint32_t inRegister(uint32_t constant) { return constant; }
inline uint32_t splatHalf(uint32_t pair, int row) { return (row ? pair >> 16 : pair & 0xffff) * 0x10001; }
inline uint32_t addClamped(uint32_t a, uint32_t b, uint32_t most) {
  auto clamped = [&](int shift) {
    auto sum = static_cast<int16_t>((a >> shift) + (b >> shift));
    return uint32_t(std::max(0, std::min<int>(sum, static_cast<int16_t>(most >> shift)))) << shift;
  };
  return clamped(0) | clamped(16);
}
inline uint32_t multiplyAddPairs(uint32_t a, uint32_t b, uint32_t c) {
  auto half = [](uint32_t word, int i) { return test::halfValue(static_cast<uint16_t>(word >> i * 16)); };
  return packHalf(std::fma(half(a, 0), half(b, 0), half(c, 0)), std::fma(half(a, 1), half(b, 1), half(c, 1)));
}
inline uint32_t subtractPairs(uint32_t a, uint32_t b) {
  auto half = [](uint32_t word, int i) { return test::halfValue(static_cast<uint16_t>(word >> i * 16)); };
  return packHalf(half(a, 0) - half(b, 0), half(a, 1) - half(b, 1));
}
inline uint32_t subtractBFloat16Pairs(uint32_t a, uint32_t b) {
  auto value = [](uint32_t word, int i) { return __builtin_bit_cast(float, word >> i * 16 << 16); };
  return packBFloat16(value(a, 0) - value(b, 0), value(a, 1) - value(b, 1));
}
inline uint32_t widenFloat8(uint16_t codes) {
  auto half = [](uint8_t code) { return test::halfBits(test::float8Value(code)); };
  return half(static_cast<uint8_t>(codes)) | static_cast<uint32_t>(half(static_cast<uint8_t>(codes >> 8))) << 16;
}
inline uint8_t roundFloat8(float value) { return test::float8Bits(value); }
inline uint32_t selectBytes(uint32_t low, uint32_t high, uint32_t selector) {
  uint64_t bytes = low | static_cast<uint64_t>(high) << 32;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    uint32_t byte = static_cast<uint32_t>(bytes >> (selector >> i * 4 & 7) * 8 & 0xff);
    if (selector >> i * 4 & 8)
      byte = byte & 0x80 ? 0xff : 0; // the sign alone
    result |= byte << i * 8;
  }
  return result;
}

} // namespace lathe::kernels

#include "WarpgroupEmulation.h"

#endif // LATHE_TEST_KERNELS_EMULATION_H
