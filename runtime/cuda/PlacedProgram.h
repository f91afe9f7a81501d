#ifndef LATHE_RUNTIME_CUDA_PLACEDPROGRAM_H
#define LATHE_RUNTIME_CUDA_PLACEDPROGRAM_H

#include "runtime/cuda/CudaDevice.h"

namespace lathe::runtime::cuda {

/// A program's weights, at the manifest's offsets, and its kernels on one device.
class PlacedProgram {
public:
  PlacedProgram(std::shared_ptr<const CudaDevice> device, std::shared_ptr<const Program> program);
  ~PlacedProgram();
  PlacedProgram(const PlacedProgram &) = delete;
  PlacedProgram &operator=(const PlacedProgram &) = delete;

  const unsigned char *weights() const { return weightMemory.data(); }
  /// By the manifest's index.
  const std::vector<Function> &kernels() const { return functions; }
  /// That which adds up tensors of this type in mailboxes (SumKernel.h), or null.
  Function sumKernel(lathe_type type) const;
  /// Which of the manifest's cudaTargets the kernels are of.
  size_t target() const { return targetIndex; }
  bool dependentLaunch() const;

private:
  void load();
  void unload();
  void loadModules();
  Module loadModule(const Section &section, size_t offset);
  void loadKernels();
  void uploadWeights();
  void uploadPresent(std::span<const unsigned char> bytes, const DeviceMemory &memory, Stream stream);

  std::shared_ptr<const CudaDevice> device;
  std::shared_ptr<const Program> program;
  std::vector<Module> modules;
  size_t targetIndex = 0;
  std::vector<Function> functions;
  DeviceMemory weightMemory;
};

/// The code that a GPU of this compute capability runs, or null: a cubin before PTX, and the most specific first. A
/// cubin's name is sm_<number>, with 'a' for exactly this GPU or 'f' for its family; that of PTX is compute_<number>
/// for this GPU and newer ones, or sm_<number>a for exactly this GPU.
const Section *chooseCode(const std::vector<Section> &sections, int major, int minor);

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_PLACEDPROGRAM_H
