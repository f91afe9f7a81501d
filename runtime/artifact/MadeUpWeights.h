#ifndef LATHE_RUNTIME_ARTIFACT_MADEUPWEIGHTS_H
#define LATHE_RUNTIME_ARTIFACT_MADEUPWEIGHTS_H

#include "runtime/artifact/Manifest.h"

namespace lathe::runtime {

/// Bytes for the weights of an artifact that holds none (`lathec --weights=none`), to measure with: a weight of this
/// type is these bytes again and again. They have no pattern that memory or arithmetic could profit from, and no value
/// that is not finite: numbers are normally distributed with deviation 0.02, blocks have random codes and small scales,
/// however they are packed.
std::vector<unsigned char> makeUpBytes(const std::string &type);

/// Writes a weight that is made up of these bytes.
void repeatBytes(const std::vector<unsigned char> &bytes, unsigned char *target, size_t size);

/// Whether the artifact leaves weights out.
bool leavesWeightsOut(const Manifest &manifest);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_MADEUPWEIGHTS_H
