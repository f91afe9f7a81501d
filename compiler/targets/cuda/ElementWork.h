// What the operations of a launch that are no template's take, for predictions.
#ifndef LATHE_COMPILER_TARGETS_CUDA_ELEMENTWORK_H
#define LATHE_COMPILER_TARGETS_CUDA_ELEMENTWORK_H

#include "compiler/report/KernelTime.h"
#include "compiler/targets/cuda/LaunchBody.h"

namespace lathe::cuda {

/// Instructions of a thread for each element that a part of a launch yields: its operations from the results of the
/// roots on, of f32, and reading their operands.
double countInstructions(const LaunchBody &body);

/// What a result of a template with an epilogue takes on its way out.
struct EpilogueWork {
  double Instructions = 0;
  double Tensors = 0; ///< as large as the result, of which a thread reads an element for it
};
EpilogueWork countEpilogue(const LaunchBody &body);
/// Of a sum that is stored as it is: its place, its rounding and its store. On the layers of ResNet-50 an H200 takes as
/// long as for so many.
inline constexpr EpilogueWork PlainEpilogue = {28, 0};

/// Adds the way out of a tile, of which each thread has so many results.
void addEpilogue(const EpilogueWork &epilogue, double results, report::KernelWork &work);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_ELEMENTWORK_H
