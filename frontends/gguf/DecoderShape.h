// The sizes that decoders have in common, from metadata.
#ifndef LATHE_FRONTENDS_GGUF_DECODERSHAPE_H
#define LATHE_FRONTENDS_GGUF_DECODERSHAPE_H

#include "frontends/gguf/Entry.h"

namespace lathe {

struct DecoderShape {
  int64_t contextLength, vocabulary, width, layers, hidden;
  int64_t heads, kvHeads, keyWidth, valueWidth;
  int64_t storedKeyWidth; ///< of the cache, keyWidth unless keys begin with their values
  int64_t ropeDimensions;
  double ropeBase, attentionScale, epsilon;

  /// Reads and checks all of them; `reader.hasFailed()` says whether they can be used. `epsilonKey` is the key of the
  /// epsilon of the architecture's norms.
  static DecoderShape read(ModelReader &reader, llvm::StringRef epsilonKey);
  /// `windows`: the tokens that each layer sees, 0 for all; none of an encoder.
  EntryShape getEntryShape(mlir::MLIRContext &context, llvm::ArrayRef<int64_t> windows) const;

private:
  void check(ModelReader &reader, llvm::StringRef epsilonKey) const;
};

} // namespace lathe

#endif
