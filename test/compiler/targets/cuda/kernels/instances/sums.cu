// Sums of ranks, as the printer writes them.
#include "all_reduce.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using AllReduce1 = AllReduce<BFloat16, 2>;
// registers <= 32
KERNEL(AllReduce1)
lathe_all_reduce_bf16(const BFloat16 *source, BFloat16 *target, char *m0, char *m1, char *own, uint32_t *calls,
                      const uint32_t *stop, int64_t packets, int64_t capacity, int64_t rank) {
  AllReduce1::Params params{.Source = source,
                            .Target = target,
                            .Mailboxes = {m0, m1},
                            .Own = own,
                            .Calls = calls,
                            .Stop = stop,
                            .Packets = packets,
                            .Capacity = capacity,
                            .Rank = int32_t(rank)};
  gridTiles<AllReduce1>(params, nullptr, NoBody{});
}

using AllReduce2 = AllReduce<float, 8>;
// registers <= 64
KERNEL(AllReduce2)
lathe_all_reduce_f32(const float *source, float *target, char *m0, char *m1, char *m2, char *m3, char *m4, char *m5,
                     char *m6, char *m7, char *own, uint32_t *calls, const uint32_t *stop, int64_t packets,
                     int64_t capacity, int64_t rank) {
  AllReduce2::Params params{.Source = source,
                            .Target = target,
                            .Mailboxes = {m0, m1, m2, m3, m4, m5, m6, m7},
                            .Own = own,
                            .Calls = calls,
                            .Stop = stop,
                            .Packets = packets,
                            .Capacity = capacity,
                            .Rank = int32_t(rank)};
  gridTiles<AllReduce2>(params, nullptr, NoBody{});
}
