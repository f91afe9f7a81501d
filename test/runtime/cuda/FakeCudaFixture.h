#ifndef LATHE_TEST_RUNTIME_CUDA_FAKECUDAFIXTURE_H
#define LATHE_TEST_RUNTIME_CUDA_FAKECUDAFIXTURE_H

#include "test/runtime/TestArtifact.h"
#include "test/runtime/fake_cuda/FakeCuda.h"

#include <gtest/gtest.h>
#include <string>

namespace lathe::test {

/// Gives the fake driver, which `library` is, the kernels of the hand-made programs.
void addKernels(void *library);

/// A fresh fake GPU of 1 MiB with the toy model's kernels. At the end nothing may be left on it and no rule broken.
class FakeCuda : public testing::Test {
protected:
  FakeCuda();
  void TearDown() override;

  /// A function of the fake driver, or of its controls.
  template <typename FunctionType> FunctionType *function(const char *name) {
    return reinterpret_cast<FunctionType *>(symbol(name));
  }
  void reset(int major = 9, int minor = 0, size_t memoryBytes = 1 << 20) {
    function<decltype(fakeCudaReset)>("fakeCudaReset")(major, minor, memoryBytes);
  }
  int calls(const char *name) { return function<decltype(fakeCudaCalls)>("fakeCudaCalls")(name); }
  void failCall(const char *name, int nth, int result) {
    function<decltype(fakeCudaFail)>("fakeCudaFail")(name, nth, result);
  }
  std::string violations() { return function<decltype(fakeCudaViolations)>("fakeCudaViolations")(); }
  size_t alive() { return function<decltype(fakeCudaAlive)>("fakeCudaAlive")(); }
  std::string loadedImage() { return function<decltype(fakeCudaLoadedImage)>("fakeCudaLoadedImage")(); }
  size_t contextDepth() { return function<decltype(fakeCudaContextDepth)>("fakeCudaContextDepth")(); }

  static Outcome createDevice(Device &device, int ordinal = 0);

private:
  void *symbol(const char *name);
  void *library;
};

} // namespace lathe::test

#endif // LATHE_TEST_RUNTIME_CUDA_FAKECUDAFIXTURE_H
