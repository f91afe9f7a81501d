// Imports the nodes of a graph, in order. Holds what their importers share: names and what they stand for, symbols and
// sizes, the place where operations go, and what is wrong.
#ifndef LATHE_FRONTENDS_ONNX_GRAPHIMPORTER_H
#define LATHE_FRONTENDS_ONNX_GRAPHIMPORTER_H

#include "dialects/lathe/Lathe.h"
#include "frontends/onnx/KnownTensor.h"
#include "frontends/onnx/OnnxReader.h"
#include "mlir/IR/AffineMap.h"
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
/// The largest size that data may give, where nothing else bounds it; products of two stay within 64 bits.
inline constexpr int64_t MaximumDataSize = int64_t(1) << 30;
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
  Scope(const Graph &graph, const Scope *parent, const OpsetVersions &opsets)
      : graph(&graph), parent(parent), opsets(&opsets) {}

  const Graph *graph;
  const Scope *parent; ///< null where no other names are seen
  const OpsetVersions *opsets;
  llvm::StringMap<GraphValue *> values;
  llvm::StringSet<> failed; ///< names whose nodes could not be imported

  // Within a function of the model:
  std::string caller;                                                 ///< "in function 'f' called by node 'n'"
  const llvm::StringMap<const NodeAttribute *> *attributes = nullptr; ///< what its nodes' references stand for
  llvm::StringSet<> absent;                                           ///< inputs that the caller does not give

  GraphValue *find(llvm::StringRef name) const;
  bool hasFailed(llvm::StringRef name) const;
  bool isAbsent(llvm::StringRef name) const;
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
  /// How many of these are nodes without a meaning for the shapes at hand, whatever is supported.
  size_t contradictions = 0;

  // Symbols: the entry's first, then those of sizes read from data.
  /// Adds a symbol, whose value is dimension `axis` of `source`.
  mlir::AffineExpr addSymbol(llvm::StringRef name, DimRange bounds, mlir::Value source, int64_t axis);
  /// The value that has the symbol as a dimension.
  mlir::Value sourceOf(mlir::AffineSymbolExpr symbol) const { return sources[symbol.getPosition()].first; }
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

  /// Adds values to `operands` until the dimensions of all give every symbol of `lists`, and expresses each list over
  /// these dimensions, in order, as `lathe` operations take sizes.
  llvm::SmallVector<mlir::AffineMap> mapSizes(llvm::SmallVectorImpl<mlir::Value> &operands,
                                              llvm::ArrayRef<llvm::ArrayRef<mlir::AffineExpr>> lists) const;

  // Names.
  Scope &scope() { return *current; }
  /// Calls `body` while names are looked up in `inner`.
  template <typename Body> auto inScope(Scope &inner, Body body) {
    Scope *outer = std::exchange(current, &inner);
    auto restore = llvm::scope_exit([&] { current = outer; });
    return body();
  }
  GraphValue *newValue() { return &values.emplace_back(); }
  GraphValue *newValue(mlir::Value value);
  /// Keeps a tensor that an importer makes; it stays where it is.
  const Tensor &keep(Tensor tensor) { return tensors.emplace_back(std::move(tensor)); }

  // What a value is.
  /// The value as data of the program. Fails with the reason, in which `what` is "input 'x'" or the like.
  llvm::Expected<mlir::Value> materialize(GraphValue &value, llvm::StringRef name, const std::string &what,
                                          mlir::Location location);
  /// Null if the elements are not known.
  const KnownTensor *known(GraphValue &value);
  /// The sizes of a tensor; nothing for other values.
  std::optional<DimList> dimsOf(GraphValue &value);
  DataType typeOf(GraphValue &value);

  /// Adds the graph's initializers to the scope and imports its nodes, adding to `problems` what is wrong.
  void importGraph(const Graph &graph);
  /// Imports a graph that sees the names around it, where the builder stands. Gives the values of its outputs, or
  /// nothing after adding to `problems`.
  std::optional<llvm::SmallVector<GraphValue *>> importSubgraph(const Graph &graph,
                                                                llvm::ArrayRef<GraphValue *> inputs);
  /// Imports one node of the operator set of `version` that no model has, for values. Fails with the reason.
  llvm::Expected<llvm::SmallVector<GraphValue *>> importSynthetic(Node node, llvm::ArrayRef<GraphValue *> inputs,
                                                                  int64_t version, mlir::Location location);

private:
  void importNode(const Node &node);
  /// Why the node cannot be imported; empty if it was, or if the cause is among the problems.
  std::string tryNode(const Node &node, int64_t opset);
  bool hasFailedInput(const Node &node) const;
  std::string checkNames(const Node &node) const;
  std::string importOperator(const Node &node, int64_t opset, mlir::Location location);
  /// Imports the nodes of a function of the model in place of a call.
  std::string inlineFunction(const Node &call, const Function &function);
  const Function *findFunction(const Node &node) const;
  /// `node` with what the attributes and inputs of the function around it stand for.
  const Node &resolve(const Node &node);
  /// Known elements as data, where some are symbols.
  mlir::Value writeSymbols(const KnownTensor &known, mlir::RankedTensorType type, mlir::Location location);
  std::string explainMissing(llvm::StringRef name) const;

  std::deque<GraphValue> values;
  std::deque<Tensor> tensors;
  llvm::SmallVector<std::string> names;
  llvm::SmallVector<DimRange> bounds;
  llvm::SmallVector<std::pair<mlir::Value, int64_t>> sources;
  Scope *current = nullptr;
  llvm::SmallVector<const Function *> calls; ///< functions that are being inlined, from the outside
  std::deque<Node> resolved;
  int64_t nodesImported = 0;
  bool contradicts = false; ///< the node that failed last has no meaning for the shapes at hand
};

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_GRAPHIMPORTER_H
