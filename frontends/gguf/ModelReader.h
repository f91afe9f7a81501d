// What an architecture asks of a GGUF file: metadata under its own prefix and tensors of wanted shapes. Every answer
// that does not fit is reported, and a stand-in is given, so that one import reports all problems of a file.
#ifndef LATHE_FRONTENDS_GGUF_MODELREADER_H
#define LATHE_FRONTENDS_GGUF_MODELREADER_H

#include "dialects/lathe/Lathe.h"
#include "runtime/gguf/GgufFile.h"

#include "mlir/IR/Builders.h"

#include "llvm/ADT/StringSet.h"

namespace lathe {

class ModelReader {
public:
  ModelReader(mlir::MLIRContext &context, const gguf::GgufFile &file, llvm::StringRef architecture);

  /// A diagnostic on the file; makes `hasFailed` true.
  mlir::InFlightDiagnostic emitError();
  mlir::InFlightDiagnostic emitWarning();
  bool hasFailed() const { return failed; }

  /// `<architecture>.<key>`, as it stands in the file.
  std::string fullKey(llvm::StringRef key) const;

  /// The value of `<architecture>.<key>`. An absent key is an error where there is no default.
  int64_t getInteger(llvm::StringRef key, std::optional<int64_t> absent = std::nullopt);
  double getNumber(llvm::StringRef key, std::optional<double> absent = std::nullopt);
  /// As getInteger, for keys that may hold one value a layer, which must then be the same for all.
  int64_t getUniformInteger(llvm::StringRef key, std::optional<int64_t> absent = std::nullopt);
  std::string getString(llvm::StringRef key, llvm::StringRef absent);
  bool getBool(llvm::StringRef key, bool absent);
  /// Tokens that attention sees, 0 for all.
  int64_t getWindow(llvm::StringRef key, int64_t absent);

  /// Reports a size outside of [min, max]; `key` is where it came from.
  void checkRange(llvm::StringRef key, int64_t found, int64_t min, int64_t max);
  void checkPositive(llvm::StringRef key, double found);

  bool hasTensor(llvm::StringRef name) const { return file.findTensor(std::string_view(name)); }
  /// Number of dimensions of a tensor; 0 where there is none.
  unsigned getRank(llvm::StringRef tensor);
  /// The length of one dimension of a tensor, outermost first; 1, reported, where there is none.
  int64_t getDimension(llvm::StringRef tensor, unsigned dimension);
  /// The tensor as `lathe.weight`, of the wanted shape; the same value each time it is asked for.
  mlir::Value getWeight(mlir::OpBuilder &builder, llvm::StringRef name, llvm::ArrayRef<int64_t> shape);
  /// Allows a tensor that is not asked for.
  void ignoreTensor(llvm::StringRef name) { ignored.insert(name); }
  /// Reports tensors that were never asked for: a model that has more than its architecture would be computed wrong.
  void refuseUnusedTensors();

  mlir::Location getLocation(llvm::StringRef name) const;
  const gguf::GgufFile &getFile() const { return file; }

private:
  /// The entry, or null, reported where it is `required`.
  const gguf::Value *find(llvm::StringRef key, bool required);
  template <typename T> T report(llvm::StringRef key, const gguf::Value &value, llvm::StringRef wanted, T standIn);
  mlir::Type getElementType(const gguf::Tensor &tensor);

  mlir::MLIRContext &context;
  const gguf::GgufFile &file;
  std::string architecture;
  mlir::Location fileLocation;
  bool failed = false;
  llvm::StringMap<mlir::Value> weights;
  llvm::StringSet<> ignored;
};

} // namespace lathe

#endif
