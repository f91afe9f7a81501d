// Adds up what ranks have, each on a GPU that reaches the memory of the others: on every rank r, with the same bits,
//   Target[i] = Source of rank 0 [i] + ... + Source of rank Ranks - 1 [i], added in this order in f32.
//
//   AllReduce<T, Ranks>
//
// Source, Target [Count], of 8-byte packets; Target may be Source. Each rank sends its packets to all others, into
// their mailboxes, and waits for those of the others in its own: one way over the link, and no fence, as every 8 bytes
// that are sent bring 4 of data and the number of the call beside them, and are read again until the number is there.
//   Mailbox [2][Ranks][packets] of 16 bytes: what rank r sent in calls of even and of odd number
//   Calls   [tiles]: how often this rank has summed up a tile of this number; 0 at the start, as are mailboxes
// Two mailboxes are enough: rank A begins call n + 2 when its call n + 1 is over, for which B had sent what it has; and
// B sends that when its kernel of call n is over, which has read what A overwrites now. A number that comes again
// after 2^32 calls does not meet its own: every call in between that has the tile has overwritten the packet.
// All ranks have the same Count in the same call, and so the same tiles.
//
// A rank that does not come would let the others wait for ever: they look at Stop, a word of the host's memory, now and
// then, and end without a result when it is not 0.
//
// What host code relies on stands in runtime/cuda/SumKernel.h.
// Grid: tiles, all of which must be resident at one time: a block that waits for the same block of another GPU, where
// it has no place before that one ends, would wait for ever. Block: 128. Shared: 0.
#ifndef LATHE_KERNELS_ALL_REDUCE_CUH
#define LATHE_KERNELS_ALL_REDUCE_CUH

#include "tiles.cuh"

namespace lathe::kernels {

template <FloatElement T, int Ranks> struct AllReduce {
  static constexpr int Threads = 128, MinBlocks = 8, SharedBytes = 0;
  static constexpr int PacketBytes = 8, MailboxBytes = 16, MailboxCopies = 2;
  static constexpr int Elements = PacketBytes / int(sizeof(T));
  static constexpr bool WaitsItself = true;
  static_assert(Ranks >= 2 && Ranks <= 8, "ranks of one machine, whose mailboxes are parameters");

  struct Params {
    const T *Source;
    T *Target;
    char *Mailboxes[Ranks]; ///< by rank, where this rank reaches them
    char *Own;              ///< this rank's
    uint32_t *Calls;
    const uint32_t *Stop;
    int64_t Packets;  ///< of Source
    int64_t Capacity; ///< packets of a mailbox's row
    int32_t Rank;
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return ceilDiv<int64_t>(p.Packets, Threads); }

  /// Where a packet of rank `from` is in a mailbox.
  static __device__ char *place(const Params &p, char *mailbox, uint32_t call, int from, int64_t packet) {
    return mailbox + ((int64_t(call % MailboxCopies) * Ranks + from) * p.Capacity + packet) * MailboxBytes;
  }

  static __device__ uint2 await(const char *packet, uint32_t call, const uint32_t *stop) {
    for (unsigned turn = 1;; ++turn) {
      uint4 found = loadFromRanks(packet);
      if (found.y == call && found.w == call)
        return {found.x, found.z};
      if (turn % 4096 == 0 && loadOfHost(stop) != 0)
        return {0, 0};
    }
  }

  static __device__ void run(const Params &p, int64_t tile, char *, const NoBody &) {
    startNext();
    waitForPrevious();
    int64_t packet = tile * Threads + threadIdx.x;
    uint32_t call = p.Calls[tile] + 1;
    // 1. To all others.
    if (packet < p.Packets) {
      uint2 own = reinterpret_cast<const uint2 *>(p.Source)[packet];
#pragma unroll
      for (int to = 0; to < Ranks; ++to)
        if (to != p.Rank)
          storeForRanks(place(p, p.Mailboxes[to], call, p.Rank, packet), {own.x, call, own.y, call});
      // 2. From all others, added in the order of ranks.
      float sum[Elements];
#pragma unroll
      for (int from = 0; from < Ranks; ++from) {
        Packet<T, Elements> got;
        got.Raw[0] = from == p.Rank ? own : await(place(p, p.Own, call, from, packet), call, p.Stop);
#pragma unroll
        for (int i = 0; i < Elements; ++i)
          sum[i] = from == 0 ? toValue(got.Elements[i]) : sum[i] + toValue(got.Elements[i]);
      }
      storeVector(p.Target, packet * Elements, sum);
    }
    // 3. The tile is done once all threads have read its number.
    __syncthreads();
    if (threadIdx.x == 0)
      p.Calls[tile] = call;
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ALL_REDUCE_CUH
