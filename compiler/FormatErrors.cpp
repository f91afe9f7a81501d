#include "compiler/FormatErrors.h"
#include "compiler/WeightPieces.h"
#include "mlir/IR/Threading.h"
#include <atomic>

using namespace mlir;
using namespace lathe;

FailureOr<std::vector<QuantizationError>> lathe::measureFormats(MLIRContext &context, ArrayRef<FormatTrial> trials,
                                                                llvm::function_ref<void(size_t done)> progress) {
  // The operations that pack are evaluated as weight programs are; building them is for one thread.
  SmallVector<Value> blocks;
  for (const FormatTrial &trial : trials)
    blocks.push_back(quantize(trial.value, findQuantizedType(&context, trial.format, trial.value.getShape())));
  std::vector<QuantizationError> errors(trials.size());
  Evaluator files;
  std::atomic<size_t> done = 0;
  auto measure = [&](size_t i) {
    constexpr int64_t PieceBytes = 1 << 20;
    WeightPieces pieces(files, PieceBytes, [&](QuantizeOp, ArrayRef<float> before, ArrayRef<float> after) {
      errors[i].add(before, after);
    });
    LogicalResult written = pieces.write(blocks[i], [](ArrayRef<uint8_t>) {});
    progress(++done);
    return written;
  };
  if (failed(failableParallelForEachN(&context, 0, trials.size(), measure)))
    return failure();
  return errors;
}
