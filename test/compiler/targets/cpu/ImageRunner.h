// Compiles a plan and calls the flat images it becomes, as the loader does: copied to some address, mapped read +
// execute.
#ifndef LATHE_TEST_COMPILER_TARGETS_CPU_IMAGERUNNER_H
#define LATHE_TEST_COMPILER_TARGETS_CPU_IMAGERUNNER_H

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace lathe::test {

using Bytes = std::vector<uint8_t>;

/// One value that a launch takes or gives: its MLIR type, and its sizes over s0, s1, ....
struct Port {
  std::string Type, Dims;
};

/// A program of one launch.
struct LaunchText {
  unsigned Symbols = 0;
  std::vector<Port> Inputs, Outputs;
  std::string Body; ///< over %a0, %a1, ...; yields the outputs
};

/// The plan that holds this launch, as text: every input is an input of the program, a state is a state.
std::string makePlan(const LaunchText &launch);

class ImageRunner {
public:
  /// Compiles for every level that this machine runs; a failure fails the test.
  explicit ImageRunner(const std::string &plan);
  ~ImageRunner();

  struct Call {
    std::vector<int64_t> Symbols;
    std::vector<Bytes> Inputs, Outputs, States; ///< outputs and states come back changed
    Bytes Weights;
  };
  /// Calls program `entry` of every image, mapped at two addresses, with tiles in order and in reversed pieces.
  /// Everything must give the same bits within a level. Returns the buffers of each level after the call.
  std::vector<Call> run(const Call &call, const std::string &entry = "main");
  /// What `output_dims` and `arena_bytes` say, per level the same.
  std::vector<int64_t> getOutputDims(const std::vector<int64_t> &symbols, size_t count);
  int64_t getArenaBytes(const std::vector<int64_t> &symbols);

  /// Name and bytes of each image.
  std::vector<std::pair<std::string, Bytes>> getImages() const;
  /// How many kernels an image holds.
  size_t countKernels() const;

private:
  struct State; // keeps MLIR's headers out of the tests
  std::unique_ptr<State> Impl;
};

/// Calls the images and compares every output with the reference's value: |found - wanted| <= tolerance * max(1,
/// |wanted|). States must be equal. `call` needs no outputs; of the inputs those left out at the end are random floats.
void checkAgainstReference(const LaunchText &launch, ImageRunner::Call call, double tolerance);
/// The same for several values of the symbols, with one compilation.
void checkAgainstReference(const LaunchText &launch, std::vector<ImageRunner::Call> calls, double tolerance);

/// Values in [-1, 1), the same in every run.
std::vector<float> randomFloats(size_t count, uint32_t seed);
Bytes toBytes(const std::vector<float> &values, const std::string &type = "f32");
std::vector<float> fromBytes(const Bytes &bytes, const std::string &type = "f32");
/// The values after rounding to `type`.
std::vector<float> roundTo(const std::vector<float> &values, const std::string &type);
template <typename T> Bytes copyBytes(const std::vector<T> &values) {
  auto *begin = reinterpret_cast<const uint8_t *>(values.data());
  return Bytes(begin, begin + values.size() * sizeof(T));
}

/// Fails the test where |found - wanted| > tolerance * max(1, |wanted|). NaN is near NaN alone.
void expectNear(const std::vector<double> &found, const std::vector<double> &wanted, double tolerance,
                const std::string &what);

inline void expectNear(const std::vector<float> &found, const std::vector<double> &wanted, double tolerance,
                       const std::string &what) {
  expectNear(std::vector<double>(found.begin(), found.end()), wanted, tolerance, what);
}

} // namespace lathe::test

#endif // LATHE_TEST_COMPILER_TARGETS_CPU_IMAGERUNNER_H
