// What the importer of one node sees: the node's inputs and attributes, and how to build operations for it.
#ifndef LATHE_FRONTENDS_ONNX_NODEIMPORTER_H
#define LATHE_FRONTENDS_ONNX_NODEIMPORTER_H

#include "frontends/onnx/GraphImporter.h"
#include "mlir/IR/AffineMap.h"
#include "llvm/Support/FormatVariadic.h"

namespace lathe::onnx {

class NodeImporter {
public:
  NodeImporter(GraphImporter &graph, const Node &node, int64_t opset, mlir::Location location);

  /// Version of the operator set that gives the node its meaning.
  int64_t opset() const { return version; }
  mlir::OpBuilder &builder() { return graph.builder; }
  mlir::MLIRContext *context() { return graph.builder.getContext(); }
  mlir::Location getLocation() const { return location; }
  ElementMath math() const { return graph.math(); }

  // Inputs. All fail (with a reason) when the node has none at `index`.
  size_t numInputs() const { return node.inputs.size(); }
  bool hasInput(size_t index) const { return index < node.inputs.size() && !node.inputs[index].empty(); }
  /// A tensor of any element type, as data of the program.
  mlir::FailureOr<mlir::Value> input(size_t index);
  /// As `input`, of f32, f16 or bf16.
  mlir::FailureOr<mlir::Value> floatInput(size_t index);
  /// A tensor of one element of that type, without dimensions.
  mlir::FailureOr<mlir::Value> scalarInput(size_t index, mlir::Type elementType);
  /// What any name that the node sees stands for, as `input`.
  mlir::FailureOr<mlir::Value> named(llvm::StringRef name);
  /// What the input stands for, before it is made data of the program; null if the node has none at `index`.
  GraphValue *inputValue(size_t index);
  DataType inputType(size_t index);
  /// True for data of the model: an initializer or a constant.
  bool isInitializer(size_t index) { return inputValue(index) && inputValue(index)->tensor; }
  /// The bytes of such data, as ONNX packs elements of any type.
  llvm::ArrayRef<uint8_t> initializerBytes(size_t index) { return graph.model.bytes(*inputValue(index)->tensor); }
  /// The same as data of the program: uint8 of rank 1.
  mlir::FailureOr<mlir::Value> bytesInput(size_t index);
  /// Sizes of an input, which need not become data of the program for it.
  mlir::FailureOr<DimList> inputDims(size_t index);
  llvm::StringRef inputName(size_t index) const { return node.inputs[index]; }

  // Inputs that are known while importing.
  /// The elements, numbers or symbols; null if they are not known.
  const KnownTensor *knownInput(size_t index);
  /// The elements of a tensor in an attribute.
  std::optional<KnownTensor> readTensor(const Tensor &tensor) const {
    return readKnownTensor(math(), tensor, graph.model.bytes(tensor));
  }
  const KnownTensor *known(GraphValue &value) { return graph.known(value); }
  /// Integers of a tensor of rank 0 or 1 that is a constant.
  mlir::FailureOr<llvm::SmallVector<int64_t>> constantInts(size_t index);
  mlir::FailureOr<int64_t> constantInt(size_t index);
  /// Numbers of any type of a constant.
  mlir::FailureOr<llvm::SmallVector<double>> constantNumbers(size_t index);
  /// Integers of a tensor of rank 0 or 1, as expressions over the symbols.
  mlir::FailureOr<llvm::SmallVector<mlir::AffineExpr>> symbolicInts(size_t index);
  /// Integers that moved from an attribute to input `index`, whichever the node has; nothing if neither.
  mlir::FailureOr<std::optional<llvm::SmallVector<int64_t>>> intsParameter(llvm::StringRef attribute, size_t index);

  // Sizes.
  llvm::ArrayRef<mlir::AffineExpr> dims(mlir::Value value) const { return graph.dims.find(value)->second; }
  int64_t rank(mlir::Value value) const { return dims(value).size(); }
  /// The size of a dimension, if it is a number.
  std::optional<int64_t> size(mlir::Value value, int64_t axis) const;
  mlir::AffineExpr constantSize(int64_t size) { return mlir::getAffineConstantExpr(size, context()); }
  mlir::Type elementType(mlir::Value value) const;
  std::string print(llvm::ArrayRef<mlir::AffineExpr> dims) const { return graph.print(dims); }

  // Symbols of operations that hold graphs, whose results have sizes found within.
  size_t numSymbols() const { return graph.symbolNames().size(); }
  /// A symbol for dimension `axis` of `source`.
  mlir::AffineExpr addSymbol(DimRange range, mlir::Value source, int64_t axis);
  void setDims(mlir::Value value, DimList sizes) { graph.dims[value] = std::move(sizes); }
  /// True when a symbol from number `first` on is part of `size`.
  static bool usesSymbolsFrom(mlir::AffineExpr size, size_t first);
  /// The values of both sizes.
  DimRange unionRange(mlir::AffineExpr a, mlir::AffineExpr b) const;

  /// Values beside `operands` and maps for an operation whose `operands` and then `from` are its operands.
  struct Sizes {
    llvm::SmallVector<mlir::Value> from;
    llvm::SmallVector<mlir::AffineMap> maps; ///< one for each list
  };
  Sizes mapSizes(llvm::ArrayRef<mlir::Value> operands, llvm::ArrayRef<llvm::ArrayRef<mlir::AffineExpr>> lists) const;
  /// The integers of an input as sizes: symbols if they are known while importing, else read when the program runs,
  /// where one outside of `range` ends the call.
  mlir::FailureOr<llvm::SmallVector<mlir::AffineExpr>> sizesInput(size_t index, DimRange range);
  /// New symbols for the integers of a tensor of rank 0 or 1, each with its range.
  mlir::FailureOr<llvm::SmallVector<mlir::AffineExpr>> readSizes(mlir::Value data, llvm::ArrayRef<DimRange> ranges,
                                                                 llvm::StringRef name);

  // Attributes. One that no call asks for is reported as not supported, as is one of another kind.
  int64_t intAttribute(llvm::StringRef name, int64_t otherwise);
  float floatAttribute(llvm::StringRef name, float otherwise);
  llvm::StringRef stringAttribute(llvm::StringRef name, llvm::StringRef otherwise);
  std::optional<llvm::ArrayRef<int64_t>> intsAttribute(llvm::StringRef name);
  std::optional<llvm::ArrayRef<float>> floatsAttribute(llvm::StringRef name);
  const NodeAttribute *attribute(llvm::StringRef name);
  /// 'axis', from 0 to `last`; negative ones count from `rank`.
  mlir::FailureOr<int64_t> axisAttribute(int64_t otherwise, int64_t rank, int64_t last);
  /// Axes from 0 to rank - 1, sorted; negative ones count from `rank`. Each may be named once.
  mlir::FailureOr<llvm::SmallVector<int64_t>> normalizeAxes(llvm::ArrayRef<int64_t> axes, int64_t rank);

  /// Fails unless both sizes are the same for every value of the symbols. `what` names the dimension in the reason.
  mlir::LogicalResult requireSame(mlir::AffineExpr a, mlir::AffineExpr b, const llvm::Twine &what);
  /// The sizes of shapes that broadcast as in NumPy for every value of the symbols.
  mlir::FailureOr<DimList> broadcastDims(llvm::ArrayRef<DimList> shapes);

  /// Builds an operation with one result of `elementType`, whose shape the operation gives. Checks the operation and
  /// turns what its verifier says into the reason.
  template <typename Op, typename... Args> mlir::FailureOr<mlir::Value> create(mlir::Type elementType, Args &&...args) {
    auto results = createMany<Op>(elementType, std::forward<Args>(args)...);
    if (failed(results))
      return mlir::failure();
    return (*results)[0];
  }
  /// The same for several results.
  template <typename Op, typename... Args>
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> createMany(llvm::ArrayRef<mlir::Type> elementTypes, Args &&...args) {
    llvm::SmallVector<mlir::Type> types;
    for (mlir::Type type : elementTypes)
      types.push_back(mlir::RankedTensorType::get({}, type));
    return adopt(Op::create(graph.builder, location, mlir::TypeRange(types), std::forward<Args>(args)...));
  }
  /// The same for an operation that takes sizes from the type of its result.
  template <typename Op, typename... Args>
  mlir::FailureOr<mlir::Value> createSized(mlir::RankedTensorType type, Args &&...args) {
    auto results = adopt(Op::create(graph.builder, location, type, std::forward<Args>(args)...));
    if (failed(results))
      return mlir::failure();
    return (*results)[0];
  }
  /// Takes an operation that was built already: gives its results their shapes and checks it. On failure it is erased,
  /// unless others use it.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> adopt(mlir::Operation *op);
  /// As ONNX's Reshape: 0 copies a size, one -1 takes what is left.
  mlir::FailureOr<mlir::Value> reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  /// To sizes that are expressions, one of which may be -1; 0 is a size here.
  mlir::FailureOr<mlir::Value> reshapeTo(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> shape);
  /// To sizes that need not have as many elements as `value`: where they do not, the call ends.
  mlir::FailureOr<mlir::Value> reshapeToSizes(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> sizes);
  mlir::FailureOr<mlir::Value> transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  /// An entry argument, or sizes read from data, that have the symbol as a dimension.
  mlir::Value sourceOf(mlir::AffineSymbolExpr symbol) const { return graph.sourceOf(symbol); }
  /// Known elements as data of the program.
  mlir::FailureOr<mlir::Value> constantData(KnownTensor known);
  /// A rank-0 constant.
  mlir::Value scalar(mlir::Type elementType, double value);

  // Graphs and nodes within this node.
  /// The graph in an attribute; null (with a reason) if there is none.
  const Graph *graphAttribute(llvm::StringRef name);
  /// Imports a graph, with a value for each of its inputs, where the builder stands.
  mlir::FailureOr<llvm::SmallVector<GraphValue *>> importSubgraph(const Graph &subgraph,
                                                                  llvm::ArrayRef<GraphValue *> inputs);
  /// The same without inputs. Where all that is wrong is that nodes have no meaning for the shapes at hand, says so in
  /// `contradiction` and leaves nothing among the problems.
  mlir::FailureOr<llvm::SmallVector<GraphValue *>> importBranch(const Graph &subgraph, std::string &contradiction);
  /// What a graph gave for its outputs, from number `first` on, as data where the builder stands.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> materialize(llvm::ArrayRef<GraphValue *> outputs,
                                                              const Graph &subgraph, size_t first = 0);
  /// Imports another node of ONNX's own domain in this one's place, of this node's version of the operator set unless
  /// `opset` says otherwise. A null input is left out.
  mlir::FailureOr<llvm::SmallVector<GraphValue *>> expand(llvm::StringRef opType, llvm::ArrayRef<GraphValue *> inputs,
                                                          std::vector<NodeAttribute> attributes, size_t numOutputs = 1,
                                                          int64_t opset = 0);
  GraphValue *constantValue(KnownTensor known);
  GraphValue *constantValue(llvm::ArrayRef<int64_t> values);
  GraphValue *dataValue(mlir::Value value) { return graph.newValue(value); }
  static NodeAttribute makeAttribute(llvm::StringRef name, int64_t value);

  // Outputs.
  size_t numOutputs() const { return node.outputs.size(); }
  bool hasOutput(size_t index) const { return index < node.outputs.size() && !node.outputs[index].empty(); }
  void setOutput(size_t index, mlir::Value value);
  void setOutput(size_t index, KnownTensor known);
  /// Makes an output another name of a value.
  void setOutput(size_t index, GraphValue *value);
  /// Makes output 0 another name of an input.
  mlir::LogicalResult forwardInput(size_t index);
  /// Makes output 0 the constant in an attribute.
  mlir::LogicalResult setConstant(const NodeAttribute &attribute);

  /// Notes why the node cannot be imported.
  template <typename... Ts> mlir::LogicalResult fail(const char *format, Ts &&...values) {
    return fail(llvm::formatv(format, std::forward<Ts>(values)...).str());
  }
  mlir::LogicalResult fail(std::string why);
  /// The same where the node has no meaning for the shapes at hand. A branch that holds it is never taken.
  template <typename... Ts> mlir::LogicalResult contradict(const char *format, Ts &&...values) {
    contradiction |= why.empty();
    return fail(format, std::forward<Ts>(values)...);
  }
  /// Checks that come after the importer: attributes read, outputs set.
  mlir::LogicalResult finishNode();
  /// Starts over, as if nothing had been asked or set.
  void forget();
  const std::string &reason() const { return why; }
  /// True when the cause of a failure is among the problems of the graph.
  bool isReported() const { return reported; }
  bool isContradiction() const { return contradiction; }

private:
  const NodeAttribute *findAttribute(llvm::StringRef name, AttributeKind kind);

  GraphImporter &graph;
  const Node &node;
  int64_t version;
  mlir::Location location;
  std::string why;
  bool reported = false, contradiction = false;
  llvm::StringSet<> attributesRead;
};

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_NODEIMPORTER_H
