// What the importer of one node sees: the node's inputs and attributes, and how to build operations for it.
#ifndef LATHE_FRONTENDS_ONNX_NODEIMPORTER_H
#define LATHE_FRONTENDS_ONNX_NODEIMPORTER_H

#include "dialects/lathe/Lathe.h"
#include "frontends/onnx/OnnxReader.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include <deque>

namespace lathe::onnx {

/// The element type in MLIR; null for types that no operation takes.
mlir::Type convertType(mlir::MLIRContext *context, DataType type);

/// More elements than any tensor of a model that runs; products of such counts and of window sizes stay within 64 bits.
inline constexpr int64_t MaximumElements = int64_t(1) << 40;
/// True when the static sizes alone give more elements.
bool isTooLarge(llvm::ArrayRef<int64_t> shape);

/// What a name in the graph stands for.
struct GraphValue {
  mlir::Value value;              ///< null while nothing has asked for it, and after a node that failed
  const Tensor *tensor = nullptr; ///< its data, if the model holds it
};

/// State shared by the nodes of a graph.
struct GraphState {
  GraphState(const Model &model, mlir::OpBuilder &builder) : model(model), builder(builder) {}

  const Model &model;
  mlir::OpBuilder &builder;
  llvm::StringMap<GraphValue> values;
  /// Sizes of each value, as expressions over the entry's symbols (AffineSymbolExpr).
  llvm::DenseMap<mlir::Value, DimList> dims;
  llvm::SmallVector<std::string> symbols; ///< by position
  std::deque<Tensor> constants;           ///< of numbers in attributes; their places do not move

  /// `expression` with the symbols' names.
  std::string print(mlir::AffineExpr expression) const;
  std::string print(llvm::ArrayRef<mlir::AffineExpr> dims) const;
  /// The value of a name, made from the model's data where need be; null if a node before failed to give it.
  mlir::Value materialize(llvm::StringRef name, mlir::Location location);
};

class NodeImporter {
public:
  NodeImporter(GraphState &graph, const Node &node, int64_t opset, mlir::Location location);

  /// Version of the operator set that gives the node its meaning.
  int64_t opset() const { return version; }
  mlir::OpBuilder &builder() { return graph.builder; }
  mlir::MLIRContext *context() { return graph.builder.getContext(); }

  // Inputs. `input` fails (with a reason) when the node has none at `index` or it is no ranked tensor of floats.
  size_t numInputs() const { return node.inputs.size(); }
  bool hasInput(size_t index) const { return index < node.inputs.size() && !node.inputs[index].empty(); }
  mlir::FailureOr<mlir::Value> input(size_t index);
  /// As `input`, of any element type.
  mlir::FailureOr<mlir::Value> anyInput(size_t index);
  /// The integers of a 1-D int64 or int32 tensor that is known while importing.
  mlir::FailureOr<llvm::SmallVector<int64_t>> constantInts(size_t index);
  llvm::ArrayRef<mlir::AffineExpr> dims(mlir::Value value) const { return graph.dims.find(value)->second; }
  int64_t rank(mlir::Value value) const { return dims(value).size(); }
  /// The size of a dimension, if it is a number.
  std::optional<int64_t> size(mlir::Value value, int64_t axis) const;
  mlir::Type elementType(mlir::Value value) const;

  // Attributes. One that no call asks for is reported as not supported, as is one of another kind.
  int64_t intAttribute(llvm::StringRef name, int64_t otherwise);
  float floatAttribute(llvm::StringRef name, float otherwise);
  llvm::StringRef stringAttribute(llvm::StringRef name, llvm::StringRef otherwise);
  std::optional<llvm::ArrayRef<int64_t>> intsAttribute(llvm::StringRef name);
  const NodeAttribute *attribute(llvm::StringRef name);
  /// 'axis', from 0 to `last`; negative ones count from `rank`.
  mlir::FailureOr<int64_t> axisAttribute(int64_t otherwise, int64_t rank, int64_t last);

  /// Fails unless both sizes are the same for every value of the symbols. `what` names the dimension in the reason.
  mlir::LogicalResult requireSame(mlir::AffineExpr a, mlir::AffineExpr b, const llvm::Twine &what);

  /// Builds an operation with one result of `elementType`, whose shape the operation gives. Checks the operation and
  /// turns what its verifier says into the reason.
  template <typename Op, typename... Args> mlir::FailureOr<mlir::Value> create(mlir::Type elementType, Args &&...args) {
    return finish(
        Op::create(graph.builder, location, mlir::RankedTensorType::get({}, elementType), std::forward<Args>(args)...));
  }
  mlir::FailureOr<mlir::Value> reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  mlir::FailureOr<mlir::Value> transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  /// A rank-0 constant.
  mlir::Value scalar(mlir::Type elementType, double value);

  void setOutput(size_t index, mlir::Value value);
  /// Makes output 0 another name of an input.
  mlir::LogicalResult forwardInput(size_t index);
  /// Makes output 0 the constant in an attribute.
  mlir::LogicalResult setConstant(const NodeAttribute &attribute);

  /// Notes why the node cannot be imported.
  template <typename... Ts> mlir::LogicalResult fail(const char *format, Ts &&...values) {
    return fail(llvm::formatv(format, std::forward<Ts>(values)...).str());
  }
  mlir::LogicalResult fail(std::string why);
  /// Checks that come after the importer: attributes read, outputs set.
  mlir::LogicalResult finishNode();
  const std::string &reason() const { return why; }

private:
  mlir::FailureOr<mlir::Value> finish(mlir::Operation *op);
  const NodeAttribute *findAttribute(llvm::StringRef name, AttributeKind kind);

  GraphState &graph;
  const Node &node;
  int64_t version;
  mlir::Location location;
  std::string why;
  llvm::StringSet<> attributesRead;
};

/// One supported operator.
struct Operator {
  llvm::StringRef name;
  int64_t minOpset, maxOpset; ///< versions of the operator set whose meaning is known
  llvm::StringRef limits;     ///< what is refused, in words, for the documentation
  mlir::LogicalResult (*import)(NodeImporter &node);
};

/// Operators of ONNX's own domain, sorted by name.
llvm::ArrayRef<Operator> aiOperators();

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_NODEIMPORTER_H
