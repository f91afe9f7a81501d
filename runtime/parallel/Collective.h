#ifndef LATHE_RUNTIME_PARALLEL_COLLECTIVE_H
#define LATHE_RUNTIME_PARALLEL_COLLECTIVE_H

#include "runtime/HostAbi.h"
#include "runtime/include/lathe.h"

namespace lathe::runtime {

/// One collective as a rank calls it. `count` elements are what one rank gives (AllReduce, AllGather; Broadcast: what
/// rank 0 gives) or gets (ReduceScatter):
///   AllReduce      target[i] = the reduction of all ranks' source[i]; `target` may be `source`
///   AllGather      target[r * count + i] = rank r's source[i]
///   ReduceScatter  target[i] = the reduction of all ranks' source[rank * count + i]
///   Broadcast      target[i] = rank 0's source[i]; `target` may be `source`
struct Collective {
  CollectiveKind kind;
  lathe_type type;
  Reduction reduction = Reduction::Sum;
  void *target;
  const void *source;
  int64_t count;
};

/// The collective that generated code asks for. Throws LATHE_CORRUPT for one that is none, and LATHE_UNSUPPORTED for
/// an axis of ranks, or a type, that this runtime cannot serve.
Collective readCollective(const HostCollective &asked, void *target, const void *source, int64_t count);

/// "all_reduce".
const char *nameOf(CollectiveKind kind);

/// target[i] = the reduction of sources[s * stride + i] over s in [0, sources), in this order, i in [0, count). Sums of
/// f16 and bf16 accumulate in f32 and are rounded once.
void reduceRows(Reduction reduction, lathe_type type, const void *sources, int64_t rows, int64_t stride, void *target,
                int64_t count);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_COLLECTIVE_H
