// Imports the nodes of a graph, in order. Holds what their importers share: names and what they stand for, symbols and
// sizes, the place where operations go, and what is wrong.
#ifndef LATHE_FRONTENDS_ONNX_GRAPHIMPORTER_H
#define LATHE_FRONTENDS_ONNX_GRAPHIMPORTER_H

#include "dialects/lathe/Lathe.h"
#include "frontends/onnx/KnownTensor.h"
#include "frontends/onnx/OnnxReader.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <deque>

namespace lathe::onnx {

/// The element type in MLIR; null for types that no operation takes.
mlir::Type convertType(mlir::MLIRContext *context, DataType type);
/// The same the other way; Undefined for types that are not ONNX's.
DataType convertType(mlir::Type type);

/// More elements than any tensor of a model that runs; products of such counts and of window sizes stay within 64 bits.
inline constexpr int64_t MaximumElements = int64_t(1) << 40;
/// True when the static sizes alone give more elements.
bool isTooLarge(llvm::ArrayRef<int64_t> shape);

/// What a name in a graph stands for: a tensor as a value, as data of the model or as known elements (or several of
/// these), or a sequence or optional whose parts are known while importing.
struct GraphValue {
  mlir::Value value;              ///< null while nothing has asked for the tensor as data
  const Tensor *tensor = nullptr; ///< its data, if the model holds it
  std::optional<KnownTensor> known;
  bool isSequence = false;
  bool isEmptyOptional = false;
  std::vector<GraphValue *> items; ///< of a sequence
  DataType itemType = DataType::Undefined;
  mlir::Block *home = nullptr; ///< where `value` is made when something asks; null: where that is
  bool isRead = false;         ///< `tensor` was looked at for `known`
};

/// Names that nodes see: those of their graph, then those of the graphs around it.
struct Scope {
  const Graph *graph = nullptr;
  const Scope *parent = nullptr;
  llvm::StringMap<GraphValue *> values;
  llvm::StringSet<> failed; ///< names whose nodes could not be imported
  const OpsetVersions *opsets = nullptr;

  GraphValue *find(llvm::StringRef name) const;
  bool hasFailed(llvm::StringRef name) const;
};

class GraphImporter {
public:
  GraphImporter(mlir::MLIRContext *context, const Model &model)
      : builder(context), model(model), fileLocation(mlir::FileLineColLoc::get(context, model.paths[0], 0, 0)) {}
  GraphImporter(const GraphImporter &) = delete;

  mlir::OpBuilder builder;
  const Model &model;
  const mlir::Location fileLocation;
  std::vector<std::string> problems;

  // Symbols: the entry's first, then those of sizes read from data.
  /// Adds a symbol, whose value is dimension `axis` of `source`.
  mlir::AffineExpr addSymbol(llvm::StringRef name, DimRange bounds, mlir::Value source, int64_t axis);
  /// A name like `stem` that no symbol has.
  std::string uniqueSymbol(llvm::StringRef stem) const;
  llvm::ArrayRef<std::string> symbolNames() const { return names; }
  llvm::ArrayRef<DimRange> symbolBounds() const { return bounds; }
  ElementMath math() const { return {builder.getContext(), bounds}; }
  /// `expression` with the symbols' names.
  std::string print(mlir::AffineExpr expression) const;
  std::string print(llvm::ArrayRef<mlir::AffineExpr> dims) const;

  /// Sizes of each tensor value, as expressions over the symbols.
  llvm::DenseMap<mlir::Value, DimList> dims;

  // Names.
  Scope &scope() { return *current; }
  /// Calls `body` with a scope of its own; null for one that sees no other.
  template <typename Body>
  auto inScope(const Graph &graph, const Scope *parent, const OpsetVersions &opsets, Body body) {
    Scope inner{&graph, parent, {}, {}, &opsets};
    Scope *outer = std::exchange(current, &inner);
    auto restore = llvm::scope_exit([&] { current = outer; });
    return body();
  }
  GraphValue *newValue() { return &values.emplace_back(); }
  GraphValue *newValue(mlir::Value value);
  /// Keeps a tensor that an importer makes; it stays where it is.
  const Tensor &keep(Tensor tensor) { return tensors.emplace_back(std::move(tensor)); }

  // What a value is. These fail with the reason.
  llvm::Expected<mlir::Value> materialize(GraphValue &value, llvm::StringRef name, mlir::Location location);
  /// Null if the elements are not known.
  const KnownTensor *known(GraphValue &value);
  /// The sizes of a tensor; nothing for other values.
  std::optional<DimList> dimsOf(GraphValue &value);
  DataType typeOf(GraphValue &value);

  /// Adds the graph's initializers to the scope and imports its nodes, adding to `problems` what is wrong.
  void importGraph(const Graph &graph);

private:
  void importNode(const Node &node);
  /// Why the node cannot be imported; empty if it was.
  std::string tryNode(const Node &node, int64_t opset);
  std::string explainMissing(llvm::StringRef name) const;

  std::deque<GraphValue> values;
  std::deque<Tensor> tensors;
  llvm::SmallVector<std::string> names;
  llvm::SmallVector<DimRange> bounds;
  llvm::SmallVector<std::pair<mlir::Value, int64_t>> sources;
  Scope *current = nullptr;
};

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_GRAPHIMPORTER_H
