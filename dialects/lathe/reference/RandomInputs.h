// Random arguments for an entry point that a caller of the compiled model could pass as well.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_RANDOMINPUTS_H
#define LATHE_DIALECTS_LATHE_REFERENCE_RANDOMINPUTS_H

#include "dialects/lathe/Lathe.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <map>
#include <string>

namespace lathe {

struct RandomInputOptions {
  uint64_t Seed = 0;
  /// Symbols that are not in `Symbols` get at most this value, unless their lower bound is higher.
  int64_t LargestSymbol = 24;
  /// Values of symbols that the caller chooses.
  std::map<std::string, int64_t> Symbols;
};

/// One value for each argument; the same seed gives the same bytes on every machine. Floats lie in [-1, 1), indices of
/// `lathe.gather` within their table. The arguments of a language model describe one consistent step: sequences of
/// different lengths, their earlier tokens in a pool of random content under pages in random order, the last of three
/// or more sequences padded (length 0, no rows). Fails with a diagnostic when the bounds of the symbols allow no such
/// step.
llvm::FailureOr<llvm::SmallVector<ReferenceValue>> makeRandomInputs(mlir::func::FuncOp entry,
                                                                    const RandomInputOptions &options);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_REFERENCE_RANDOMINPUTS_H
