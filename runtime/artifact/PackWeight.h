#ifndef LATHE_RUNTIME_ARTIFACT_PACKWEIGHT_H
#define LATHE_RUNTIME_ARTIFACT_PACKWEIGHT_H

#include "runtime/artifact/Manifest.h"

#include <functional>

namespace lathe::runtime {

/// Covers [0, count) with calls of `body`, in any order and on any threads, and returns when they have returned.
using ParallelLoop = std::function<void(int64_t count, void (*body)(void *, int64_t, int64_t), void *argument)>;

/// Writes a packed weight to `target`, which holds zeros, from the bytes of its source.
void packWeight(const Packing &packing, const unsigned char *source, unsigned char *target, const ParallelLoop &loop);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_PACKWEIGHT_H
