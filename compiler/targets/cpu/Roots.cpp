// Which template computes each operation, and its arguments, in the order of the template's source in kernels/.
#include "compiler/targets/cpu/KernelEmitter.h"
#include "dialects/lathe/Windows.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>
#include <concepts>

using namespace mlir;
using namespace lathe;
using namespace lathe::cpu;

// As in kernels/Matmul.cpp, kernels/Products.h and kernels/Attention.cpp.
static constexpr int64_t MatmulColumns = 16;
static constexpr int64_t ProductRows = 140, ProductColumns = 32;
static constexpr int64_t MaxHeadWidth = 512, AttentionRows = 64;

namespace {
/// A tensor that the root reads from memory.
struct Operand {
  llvm::Value *Address = nullptr;
  Type Element;
  std::string Format;
};

class RootEmitter {
public:
  RootEmitter(const KernelBody &body, llvm::IRBuilderBase &builder, const KernelFrame &frame, TemplateLibrary &library)
      : Body(body), Builder(builder), Frame(frame), Library(library) {}

  LogicalResult emit(ExpertMatmulOp op);
  LogicalResult emit(MatmulOp op);
  LogicalResult emit(RmsNormOp op);
  LogicalResult emit(ChannelMaxPoolOp op);
  LogicalResult emit(DepthwiseConvOp op);
  LogicalResult emit(LayerNormOp op);
  LogicalResult emit(PanelConvOp op);
  LogicalResult emit(PanelMatmulOp op);
  LogicalResult emit(AttentionOp op);
  LogicalResult emit(SoftmaxOp op);
  LogicalResult emit(ReduceOp op);
  LogicalResult emitArg(Operation *op, RankedTensorType type, int64_t axis, bool last);
  LogicalResult emit(ArgMaxOp op) { return emitArg(op, op.getInput().getType(), op.getAxis(), op.getSelectLast()); }
  LogicalResult emit(ArgMinOp op) { return emitArg(op, op.getInput().getType(), op.getAxis(), op.getSelectLast()); }
  LogicalResult emit(GatherOp op);
  LogicalResult emit(ConvOp op);
  LogicalResult emit(MaxPoolOp op);
  LogicalResult emit(RopeOp op);
  LogicalResult emit(AppendKvOp op);
  LogicalResult emit(PagedAttentionOp op);

  RootCall Call;

private:
  /// The address of an operand that is not computed in the body.
  FailureOr<llvm::Value *> getAddress(Operation *op, Value value);
  FailureOr<Operand> getOperand(Operation *op, Value value);
  /// Of operands that a template reads in their own type: the address, and how to read f16 and bf16, else null.
  FailureOr<std::pair<llvm::Value *, llvm::Value *>> getPlainOperand(Operation *op, Value value);
  /// `results` in tiles of `block`; adds both, which the templates of kernels/Reduce.cpp take in this order.
  void addResults(AffineExpr results, int64_t block);
  /// The same of an operand that may be absent: then null, in a format that nobody reads.
  FailureOr<Operand> getOptional(Operation *op, Value value);
  void appendSteps(AttentionOp op, Value operand, SmallVectorImpl<AffineExpr> &steps);
  llvm::Value *getLayer(Operation *op);
  /// Bytes of so many elements of a row.
  llvm::Value *emitBytes(AffineExpr elements, Type element);
  llvm::Value *emitElementBytes(Type element) { return Builder.getInt64(getElementBytes(element)); }
  llvm::Function *getTemplate(const Twine &name) {
    llvm::Function *function = Library.get(name.str());
    assert(function && "kernels/ defines a template of this name");
    return function;
  }

  void add(llvm::Value *value) { Call.Arguments.push_back(value); }
  void add(AffineExpr size) { add(Frame.emit(Builder, size)); }
  void add(int64_t value) { add(Builder.getInt64(value)); }
  void addFlag(bool value) { add(Builder.getInt1(value)); }
  void addFloat(const APFloat &value) { add(llvm::ConstantFP::get(Builder.getContext(), value)); }
  void add(std::unsigned_integral auto value) { add(int64_t(value)); }
  void addArray(ArrayRef<AffineExpr> values);
  void addBatch(ArrayRef<AffineExpr> left, ArrayRef<AffineExpr> right, ArrayRef<AffineExpr> result);
  static AffineExpr countProductTiles(AffineExpr m, AffineExpr n);
  void addFunction(StringRef prefix, const Operand &operand) { add(getTemplate(prefix + operand.Format)); }
  void addWindows(const Windows &windows, ArrayRef<AffineExpr> input, ArrayRef<AffineExpr> output);

  const KernelBody &Body;
  llvm::IRBuilderBase &Builder;
  const KernelFrame &Frame;
  TemplateLibrary &Library;
};
} // namespace

FailureOr<llvm::Value *> RootEmitter::getAddress(Operation *op, Value value) {
  BlockArgument argument = KernelBody::findArgument(value);
  if (!argument)
    return op->emitOpError() << "reads a value that '" << value.getDefiningOp()->getName()
                             << "' computes in the same launch, but a template of the CPU reads memory; end the fusion "
                                "before this operation";
  return Frame.Buffers[argument.getArgNumber()];
}

FailureOr<Operand> RootEmitter::getOperand(Operation *op, Value value) {
  FailureOr<llvm::Value *> address = getAddress(op, value);
  if (failed(address))
    return failure();
  BlockArgument argument = KernelBody::findArgument(value);
  Type element = cast<RankedTensorType>(argument.getType()).getElementType();
  FailureOr<std::string> format = getFormatName(op, element);
  if (failed(format))
    return failure();
  if (!Library.get("lathe_unpack_" + *format))
    return op->emitOpError() << "reads elements of type " << element << ", for which the CPU has no kernel";
  return Operand{*address, element, *format};
}

FailureOr<Operand> RootEmitter::getOptional(Operation *op, Value value) {
  if (value)
    return getOperand(op, value);
  return Operand{llvm::ConstantPointerNull::get(Builder.getPtrTy()), Float32Type::get(op->getContext()), "f32"};
}

llvm::Value *RootEmitter::getLayer(Operation *op) {
  const auto *place = llvm::find(Body.getLayered(), op);
  return Frame.Sizes[Body.getNumSizes() + (place - Body.getLayered().begin())];
}

llvm::Value *RootEmitter::emitBytes(AffineExpr elements, Type element) {
  if (auto blocks = dyn_cast<QuantizedTypeInterface>(element))
    return Frame.emit(Builder, elements.floorDiv(blocks.getBlockShape()[1]) * blocks.getBlockBytes());
  return Frame.emit(Builder, elements * getElementBytes(element));
}

AffineExpr RootEmitter::countProductTiles(AffineExpr m, AffineExpr n) {
  return m.ceilDiv(ProductRows) * n.ceilDiv(ProductColumns);
}

LogicalResult RootEmitter::emit(MatmulOp op) {
  FailureOr<Operand> lhs = getOperand(op, op.getLhs()), rhs = getOperand(op, op.getRhs());
  if (failed(lhs) || failed(rhs))
    return failure();
  ArrayRef<AffineExpr> left = Body.getDims(op.getLhs()), right = Body.getDims(op.getRhs());
  ArrayRef<AffineExpr> result = Body.getDims(op.getResult());
  bool transposed = op.getTransposeRhs(), narrow = KernelBody::readsNarrowWeights(op);
  // One matrix on the right multiplies the rows of all matrices on the left.
  unsigned batchRank = right.size() == 2 ? 0 : result.size() - 2;
  AffineExpr m = right.size() == 2 ? Body.getElements(op.getLhs(), 0, left.size() - 1) : result[batchRank];
  AffineExpr n = result.back(), k = left.back();
  Call.Template = getTemplate(narrow ? "lathe_matmul_transposed" : "lathe_matmul");
  Call.Tiles =
      narrow ? n.ceilDiv(MatmulColumns) : countProductTiles(m, n) * Body.getElements(op.getResult(), 0, batchRank);
  add(lhs->Address);
  add(rhs->Address);
  if (!narrow) {
    addBatch(left.drop_back(2), right.drop_back(2), result.take_front(batchRank));
    add(batchRank);
  }
  add(m);
  add(n);
  add(k);
  add(emitBytes(k, lhs->Element));
  add(emitBytes(transposed ? k : n, rhs->Element));
  if (!narrow)
    addFlag(transposed);
  addFunction("lathe_unpack_", *lhs);
  addFunction("lathe_unpack_", *rhs);
  addFlag(lhs->Element.isF32());
  if (narrow)
    addFlag(rhs->Element.isF32());
  return success();
}

LogicalResult RootEmitter::emit(ExpertMatmulOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput()), weights = getOperand(op, op.getWeights());
  FailureOr<llvm::Value *> experts = getAddress(op, op.getExperts());
  if (failed(input) || failed(weights) || failed(experts))
    return failure();
  ArrayRef<AffineExpr> result = Body.getDims(op.getResult());
  AffineExpr k = Body.getDim(op.getWeights(), 2);
  Call.Template = getTemplate("lathe_expert_matmul");
  Call.Tiles = result[0] * result[1] * result[2].ceilDiv(MatmulColumns);
  add(input->Address);
  add(weights->Address);
  add(*experts);
  addFlag(op.getExperts().getType().getElementType().isInteger(64));
  addFlag(op.getInput().getType().getDimSize(1) == 1);
  add(result[1]);
  add(Body.getDim(op.getWeights(), 0));
  add(result[2]);
  add(k);
  add(emitBytes(k, input->Element));
  add(emitBytes(k, weights->Element));
  addFunction("lathe_unpack_", *input);
  addFunction("lathe_unpack_", *weights);
  addFlag(input->Element.isF32());
  addFlag(weights->Element.isF32());
  return success();
}

/// For each batch dimension of a product: its size, and how many matrices each operand moves on.
void RootEmitter::addBatch(ArrayRef<AffineExpr> left, ArrayRef<AffineExpr> right, ArrayRef<AffineExpr> result) {
  if (result.empty())
    return add(llvm::ConstantPointerNull::get(Builder.getPtrTy()));
  AffineExpr one = getAffineConstantExpr(1, Body.getLaunch()->getContext());
  SmallVector<AffineExpr> dims(3 * result.size(), one * 0);
  for (auto [column, operand] : {std::pair<unsigned, ArrayRef<AffineExpr>>{1, left}, {2, right}}) {
    AffineExpr step = one;
    for (unsigned d = operand.size(); d-- > 0; step = step * operand[d])
      if (unsigned own = d + result.size() - operand.size(); operand[d] != one || result[own] == one)
        dims[3 * own + column] = step;
  }
  for (auto [d, size] : llvm::enumerate(result))
    dims[3 * d] = size;
  addArray(dims);
}

void RootEmitter::addArray(ArrayRef<AffineExpr> values) {
  llvm::Value *array = Builder.CreateAlloca(llvm::ArrayType::get(Builder.getInt64Ty(), values.size()));
  for (auto [i, value] : llvm::enumerate(values))
    Builder.CreateStore(Frame.emit(Builder, value), Builder.CreateConstInBoundsGEP1_64(Builder.getInt64Ty(), array, i));
  add(array);
}

LogicalResult RootEmitter::emit(PanelMatmulOp op) {
  FailureOr<Operand> lhs = getOperand(op, op.getLhs()), panels = getOperand(op, op.getPanels());
  if (failed(lhs) || failed(panels))
    return failure();
  unsigned rank = op.getLhs().getType().getRank();
  AffineExpr m = Body.getElements(op.getLhs(), 0, rank - 1), k = Body.getDim(op.getLhs(), rank - 1);
  AffineExpr n = Body.getDim(op.getResult(), rank - 1);
  Call.Template = getTemplate("lathe_panel_matmul");
  Call.Tiles = countProductTiles(m, n);
  add(lhs->Address);
  add(panels->Address);
  add(m);
  add(n);
  add(k);
  add(emitBytes(k, lhs->Element));
  addFunction("lathe_unpack_", *lhs);
  addFlag(lhs->Element.isF32());
  return success();
}

LogicalResult RootEmitter::emit(RmsNormOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput()), weight = getOperand(op, op.getWeight());
  if (failed(input) || failed(weight))
    return failure();
  unsigned last = op.getInput().getType().getRank() - 1;
  AffineExpr length = Body.getDim(op.getInput(), last);
  Call.Template = getTemplate("lathe_rms_norm");
  Call.Tiles = Body.getElements(op.getInput(), 0, last);
  add(input->Address);
  add(weight->Address);
  add(length);
  add(emitBytes(length, input->Element));
  addFunction("lathe_unpack_", *input);
  addFunction("lathe_unpack_", *weight);
  addFloat(op.getEpsilon());
  return success();
}

LogicalResult RootEmitter::emit(LayerNormOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput());
  FailureOr<Operand> scale = getOptional(op, op.getScale()), bias = getOptional(op, op.getBias());
  if (failed(input) || failed(scale) || failed(bias))
    return failure();
  unsigned axis = op.getAxis(), rank = op.getInput().getType().getRank();
  AffineExpr length = Body.getElements(op.getInput(), axis, rank);
  Call.Template = getTemplate("lathe_layer_norm");
  Call.Tiles = Body.getElements(op.getInput(), 0, axis);
  add(input->Address);
  add(scale->Address);
  add(bias->Address);
  add(length);
  add(emitBytes(length, input->Element));
  for (const Operand *operand : {&*input, &*scale, &*bias})
    addFunction("lathe_unpack_", *operand);
  addFloat(op.getEpsilon());
  return success();
}

LogicalResult RootEmitter::emit(SoftmaxOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput());
  if (failed(input))
    return failure();
  unsigned last = op.getInput().getType().getRank() - 1;
  AffineExpr length = Body.getDim(op.getInput(), last);
  Call.Template = getTemplate("lathe_softmax");
  Call.Tiles = Body.getElements(op.getInput(), 0, last);
  add(input->Address);
  add(length);
  add(emitBytes(length, input->Element));
  addFunction("lathe_unpack_", *input);
  return success();
}

FailureOr<std::pair<llvm::Value *, llvm::Value *>> RootEmitter::getPlainOperand(Operation *op, Value value) {
  FailureOr<llvm::Value *> address = getAddress(op, value);
  if (failed(address))
    return failure();
  Type element = getElementTypeOrSelf(KernelBody::findArgument(value).getType());
  if (!element.isIntOrFloat())
    return op->emitOpError() << "reads elements of type " << element << ", for which the CPU has no kernel";
  if (element.isF16() || element.isBF16())
    return std::pair<llvm::Value *, llvm::Value *>(
        *address, getTemplate(element.isF16() ? "lathe_unpack_f16" : "lathe_unpack_bf16"));
  return std::pair<llvm::Value *, llvm::Value *>(*address, llvm::ConstantPointerNull::get(Builder.getPtrTy()));
}

void RootEmitter::addResults(AffineExpr results, int64_t block) {
  add(results);
  add(block);
  Call.Tiles = results.ceilDiv(block);
}

// As in kernels/Reduce.cpp.
static constexpr int64_t MaxReducedGroups = 8;

/// The sizes of neighbouring dimensions that are all kept or all reduced, by turns; kept ones first and last.
static SmallVector<AffineExpr> groupDims(ArrayRef<AffineExpr> dims, ArrayRef<int64_t> axes, MLIRContext *context) {
  AffineExpr one = getAffineConstantExpr(1, context);
  SmallVector<AffineExpr> groups = {one};
  for (auto [d, dim] : llvm::enumerate(dims)) {
    if (dim == one)
      continue;
    bool reduced = llvm::is_contained(axes, int64_t(d));
    if (reduced != (groups.size() % 2 == 0))
      groups.push_back(one);
    groups.back() = groups.back() * dim;
  }
  if (groups.size() % 2 == 0)
    groups.push_back(one);
  if (groups.size() == 1) // nothing is reduced
    groups.insert(groups.begin(), 2, one);
  return groups;
}

/// Results of a tile: where elements lie side by side enough of them for a tile's worth of work, else a few vectors.
static int64_t chooseBlock(ArrayRef<AffineExpr> groups) {
  constexpr int64_t TileElements = 16384, Most = 256, Columns = 64, Unknown = 16;
  AffineExpr one = getAffineConstantExpr(1, groups[0].getContext()), reduced = one;
  if (groups.back() != one)
    return Columns;
  for (size_t i = 1; i < groups.size(); i += 2)
    reduced = reduced * groups[i];
  auto known = dyn_cast<AffineConstantExpr>(reduced);
  return known ? std::clamp<int64_t>(TileElements / std::max<int64_t>(known.getValue(), 1), 1, Most) : Unknown;
}

LogicalResult RootEmitter::emit(ReduceOp op) {
  auto input = getPlainOperand(op, op.getInput());
  if (failed(input))
    return failure();
  SmallVector<AffineExpr> groups = groupDims(Body.getDims(op.getInput()), op.getAxes(), op.getContext());
  int64_t reduced = groups.size() / 2;
  if (reduced > MaxReducedGroups)
    return op.emitOpError() << "reduces " << reduced << " separate groups of dimensions, but the CPU's kernel takes "
                            << MaxReducedGroups;
  llvm::Value *sizes = Builder.CreateAlloca(llvm::ArrayType::get(Builder.getInt64Ty(), groups.size()));
  for (auto [i, size] : llvm::enumerate(groups))
    Builder.CreateStore(Frame.emit(Builder, size), Builder.CreateConstInBoundsGEP1_64(Builder.getInt64Ty(), sizes, i));
  Call.Template = getTemplate("lathe_reduce_" + stringifyReduceKind(op.getKind()) + "_" +
                              getScalarName(op.getInput().getType().getElementType()));
  add(input->first);
  add(reduced);
  add(sizes);
  addResults(Body.getElements(op.getResult()), chooseBlock(groups));
  add(input->second);
  return success();
}

LogicalResult RootEmitter::emitArg(Operation *op, RankedTensorType type, int64_t axis, bool last) {
  auto input = getPlainOperand(op, op->getOperand(0));
  if (failed(input))
    return failure();
  Value value = op->getOperand(0);
  Call.Template = getTemplate("lathe_" + op->getName().stripDialect() + "_" + getScalarName(type.getElementType()));
  add(input->first);
  add(Body.getDim(value, axis));
  add(Body.getElements(value, axis + 1, type.getRank()));
  addFlag(last);
  addResults(Body.getElements(op->getResult(0)), 64);
  add(input->second);
  return success();
}

LogicalResult RootEmitter::emit(GatherOp op) {
  FailureOr<Operand> table = getOperand(op, op.getTable());
  FailureOr<llvm::Value *> indices = getAddress(op, op.getIndices());
  if (failed(table) || failed(indices))
    return failure();
  AffineExpr length = Body.getDim(op.getTable(), 1);
  Call.Template = getTemplate("lathe_gather");
  Call.Tiles = Body.getDim(op.getResult(), 0);
  add(table->Address);
  add(*indices);
  addFlag(op.getIndices().getType().getElementType().isInteger(64));
  add(Body.getDim(op.getTable(), 0));
  add(length);
  add(emitBytes(length, table->Element));
  addFunction("lathe_unpack_", *table);
  return success();
}

/// Sizes of input, output and window, then strides, leading pads, dilations: y before x.
void RootEmitter::addWindows(const Windows &windows, ArrayRef<AffineExpr> input, ArrayRef<AffineExpr> output) {
  for (AffineExpr size : {input[0], input[1], output[0], output[1]})
    add(size);
  for (int64_t value : {windows.size[0], windows.size[1], windows.strides[0], windows.strides[1], windows.pads[0],
                        windows.pads[1], windows.dilations[0], windows.dilations[1]})
    add(value);
}

LogicalResult RootEmitter::emit(ConvOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput()), filter = getOperand(op, op.getFilter());
  if (failed(input) || failed(filter))
    return failure();
  RankedTensorType filterType = op.getFilter().getType();
  if (filterType.isDynamicDim(2) || filterType.isDynamicDim(3))
    return op.emitOpError() << "has a filter of type " << filterType << ", but the CPU needs a window of known size";
  Windows windows{
      {filterType.getDimSize(2), filterType.getDimSize(3)}, op.getStrides(), op.getPads(), op.getDilations()};
  Call.Template = getTemplate("lathe_conv");
  Call.Tiles = Body.getElements(op.getResult(), 0, 2);
  add(input->Address);
  add(filter->Address);
  add(Body.getDim(op.getInput(), 1));
  add(Body.getDim(op.getResult(), 1));
  add(op.getGroups());
  addWindows(windows, Body.getDims(op.getInput()).drop_front(2), Body.getDims(op.getResult()).drop_front(2));
  addFunction("lathe_load_", *input);
  addFunction("lathe_load_", *filter);
  return success();
}

LogicalResult RootEmitter::emit(MaxPoolOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput());
  if (failed(input))
    return failure();
  Windows windows{{op.getWindow()[0], op.getWindow()[1]}, op.getStrides(), op.getPads(), op.getDilations()};
  Call.Template = getTemplate("lathe_max_pool");
  Call.Tiles = Body.getElements(op.getResult(), 0, 2);
  add(input->Address);
  addWindows(windows, Body.getDims(op.getInput()).drop_front(2), Body.getDims(op.getResult()).drop_front(2));
  addFunction("lathe_load_", *input);
  return success();
}

LogicalResult RootEmitter::emit(PanelConvOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput()), panels = getOperand(op, op.getPanels());
  if (failed(input) || failed(panels))
    return failure();
  Windows windows{{op.getWindow()[0], op.getWindow()[1]}, op.getStrides(), op.getPads(), op.getDilations()};
  int64_t groups = op.getGroups();
  AffineExpr outputs = Body.getDim(op.getResult(), 3);
  Call.Template = getTemplate("lathe_panel_conv");
  Call.Tiles = countProductTiles(Body.getElements(op.getResult(), 0, 3), outputs.floorDiv(groups)) * groups;
  add(input->Address);
  add(panels->Address);
  add(Body.getDim(op.getInput(), 0));
  add(Body.getDim(op.getInput(), 3));
  add(outputs);
  add(groups);
  addWindows(windows, Body.getDims(op.getInput()).slice(1, 2), Body.getDims(op.getResult()).slice(1, 2));
  addFlag(input->Element.isF32());
  addFunction("lathe_unpack_", *input);
  return success();
}

LogicalResult RootEmitter::emit(DepthwiseConvOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput()), filter = getOperand(op, op.getFilter());
  if (failed(input) || failed(filter))
    return failure();
  RankedTensorType type = op.getFilter().getType();
  if (type.isDynamicDim(0) || type.isDynamicDim(1))
    return op.emitOpError() << "has a filter of type " << type << ", but the CPU needs a window of known size";
  Windows windows{{type.getDimSize(0), type.getDimSize(1)}, op.getStrides(), op.getPads(), op.getDilations()};
  Call.Template = getTemplate("lathe_depthwise_conv");
  Call.Tiles = Body.getElements(op.getResult(), 0, 2);
  add(input->Address);
  add(filter->Address);
  add(Body.getDim(op.getInput(), 3));
  addWindows(windows, Body.getDims(op.getInput()).slice(1, 2), Body.getDims(op.getResult()).slice(1, 2));
  addFlag(input->Element.isF32());
  addFunction("lathe_unpack_", *input);
  addFunction("lathe_unpack_", *filter);
  return success();
}

LogicalResult RootEmitter::emit(ChannelMaxPoolOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput());
  if (failed(input))
    return failure();
  Windows windows{{op.getWindow()[0], op.getWindow()[1]}, op.getStrides(), op.getPads(), op.getDilations()};
  Call.Template = getTemplate("lathe_channel_max_pool");
  Call.Tiles = Body.getElements(op.getResult(), 0, 2);
  add(input->Address);
  add(Body.getDim(op.getInput(), 3));
  addWindows(windows, Body.getDims(op.getInput()).slice(1, 2), Body.getDims(op.getResult()).slice(1, 2));
  addFlag(input->Element.isF32());
  addFunction("lathe_unpack_", *input);
  return success();
}

/// base^(-2 i / dimensions) for each pair, in f64: computed here, once, rather than in every call.
static llvm::Constant *makeFrequencies(RopeOp op, llvm::Module &module) {
  int64_t dimensions = op.getDimensions();
  double base = op.getBase().convertToFloat();
  SmallVector<double> values;
  for (int64_t i = 0; i < dimensions / 2; ++i)
    values.push_back(std::pow(base, -2.0 * i / dimensions));
  auto *data = llvm::ConstantDataArray::get(module.getContext(), values);
  auto *global = new llvm::GlobalVariable(module, data->getType(), true, llvm::GlobalValue::PrivateLinkage, data,
                                          "lathe_rope_frequencies");
  global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  return global;
}

LogicalResult RootEmitter::emit(RopeOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput());
  FailureOr<llvm::Value *> positions = getAddress(op, op.getPositions());
  FailureOr<llvm::Value *> factors(llvm::ConstantPointerNull::get(Builder.getPtrTy()));
  if (op.getFactors())
    factors = getAddress(op, op.getFactors());
  if (failed(input) || failed(positions) || failed(factors))
    return failure();
  AffineExpr width = Body.getDim(op.getInput(), 2);
  Call.Template = getTemplate("lathe_rope");
  Call.Tiles = Body.getDim(op.getInput(), 0);
  add(input->Address);
  add(*positions);
  add(*factors);
  add(makeFrequencies(op, Library.getModule()));
  add(Body.getDim(op.getPositions(), 1));
  add(Body.getDim(op.getInput(), 1));
  add(width);
  add(op.getDimensions());
  addFloat(op.getMagnitude());
  addFlag(op.getPairing() == RopePairing::Adjacent);
  add(emitBytes(width, input->Element));
  addFunction("lathe_unpack_", *input);
  return success();
}

LogicalResult RootEmitter::emit(AppendKvOp op) {
  FailureOr<Operand> key = getOperand(op, op.getKey()), value = getOperand(op, op.getValue());
  FailureOr<llvm::Value *> pool = getAddress(op, op.getState()), slots = getAddress(op, op.getSlots());
  FailureOr<std::string> format = getFormatName(op, op.getState().getType().getElement());
  if (failed(key) || failed(value) || failed(pool) || failed(slots) || failed(format))
    return failure();
  StateType state = op.getState().getType();
  AffineExpr keyWidth = Body.getDim(op.getKey(), 2), valueWidth = Body.getDim(op.getValue(), 2);
  Call.Template = getTemplate("lathe_append_kv");
  Call.Tiles = Body.getDim(op.getKey(), 0);
  Call.TakesStore = false;
  add(key->Address);
  add(value->Address);
  add(*pool);
  add(*slots);
  add(state.getShape()[0]);
  add(getLayer(op));
  add(state.getShape()[1]);
  add(keyWidth);
  add(valueWidth);
  add(emitBytes(keyWidth, key->Element));
  add(emitBytes(valueWidth, value->Element));
  add(emitElementBytes(state.getElement()));
  addFunction("lathe_unpack_", *key);
  addFunction("lathe_unpack_", *value);
  add(getTemplate("lathe_pack_" + *format));
  return success();
}

LogicalResult RootEmitter::emit(PagedAttentionOp op) {
  StateType state = op.getState().getType();
  FailureOr<Operand> query = getOperand(op, op.getQuery());
  FailureOr<std::string> format = getFormatName(op, state.getElement());
  if (failed(query) || failed(format))
    return failure();
  AffineExpr keyWidth = Body.getDim(op.getQuery(), 2), valueWidth = Body.getDim(op.getResult(), 2);
  for (AffineExpr width : {keyWidth, valueWidth})
    if (auto known = dyn_cast<AffineConstantExpr>(width); !known || known.getValue() > MaxHeadWidth)
      return op.emitOpError() << "has query " << op.getQuery().getType() << " and result " << op.getResult().getType()
                              << ", but the CPU's kernel takes heads of at most " << MaxHeadWidth << " elements";
  Call.Template = getTemplate("lathe_paged_attention");
  Call.Tiles = Body.getDim(op.getQuery(), 0) * state.getShape()[1];
  add(query->Address);
  for (Value value : {Value(op.getState()), Value(op.getRowOffsets()), Value(op.getLengths()),
                      Value(op.getBlockTables()), Value(op.getSinks())}) {
    FailureOr<llvm::Value *> address(llvm::ConstantPointerNull::get(Builder.getPtrTy()));
    if (value)
      address = getAddress(op, value);
    if (failed(address))
      return failure();
    add(*address);
  }
  add(Body.getDim(op.getLengths(), 0));
  add(Body.getDim(op.getBlockTables(), 1));
  add(state.getShape()[0]);
  add(getLayer(op));
  add(Body.getDim(op.getQuery(), 1));
  add(state.getShape()[1]);
  add(keyWidth);
  add(valueWidth);
  add(op.getVisibleTokens());
  addFloat(op.getScale());
  addFloat(op.getCap());
  add(emitBytes(keyWidth, query->Element));
  add(emitElementBytes(state.getElement()));
  addFunction("lathe_unpack_", *query);
  add(getTemplate("lathe_unpack_" + *format));
  return success();
}

/// Bytes from one batch, head and token of an operand of attention to the next.
void RootEmitter::appendSteps(AttentionOp op, Value operand, SmallVectorImpl<AffineExpr> &steps) {
  ArrayRef<AffineExpr> dims = Body.getDims(operand);
  int64_t bytes = getElementBytes(cast<RankedTensorType>(operand.getType()).getElementType());
  AffineExpr inner = dims[3] * bytes, middle = inner * dims[2];
  steps.append({middle * dims[1], op.getTokensFirst() ? inner : middle, op.getTokensFirst() ? middle : inner});
}

LogicalResult RootEmitter::emit(AttentionOp op) {
  FailureOr<Operand> query = getOperand(op, op.getQuery()), key = getOperand(op, op.getKey()),
                     value = getOperand(op, op.getValue()), mask = getOptional(op, op.getMask());
  if (failed(query) || failed(key) || failed(value) || failed(mask))
    return failure();
  ArrayRef<AffineExpr> queryDims = Body.getDims(op.getQuery()), keyDims = Body.getDims(op.getKey());
  AffineExpr keyWidth = queryDims[3], valueWidth = Body.getDim(op.getValue(), 3);
  if (auto known = dyn_cast<AffineConstantExpr>(valueWidth); !known || known.getValue() > MaxHeadWidth)
    return op.emitOpError() << "has values of type " << op.getValue().getType()
                            << ", but the CPU's kernel takes heads of at most " << MaxHeadWidth << " elements";
  unsigned head = op.getHeadDim(), token = op.getTokenDim();
  Call.Template = getTemplate("lathe_attention");
  Call.Tiles = queryDims[0] * queryDims[head] * queryDims[token].ceilDiv(AttentionRows);
  for (const Operand *operand : {&*query, &*key, &*value, &*mask})
    add(operand->Address);
  SmallVector<AffineExpr> steps;
  for (Value operand : {op.getQuery(), op.getKey(), op.getValue()})
    appendSteps(op, operand, steps);
  AffineExpr one = getAffineConstantExpr(1, op.getContext());
  SmallVector<AffineExpr> maskDims(4, one), maskSteps(4, one * 0);
  if (op.getMask())
    maskDims.assign(Body.getDims(op.getMask()).begin(), Body.getDims(op.getMask()).end());
  AffineExpr step = one;
  for (unsigned d = 4; d-- > 0; step = step * maskDims[d])
    if (maskDims[d] != one)
      maskSteps[d] = step;
  llvm::append_range(steps, maskSteps);
  addArray(steps);
  for (AffineExpr size : {queryDims[head], keyDims[head], queryDims[token], keyDims[token], keyWidth, valueWidth})
    add(size);
  addFloat(op.getScale());
  addFlag(op.getCausal());
  addFlag(op.getTokensFirst());
  addFunction("lathe_unpack_", *query);
  addFunction("lathe_unpack_", *mask);
  return success();
}

FailureOr<RootCall> cpu::emitRootCall(const KernelBody &body, Operation *root, llvm::IRBuilderBase &builder,
                                      const KernelFrame &frame, TemplateLibrary &library) {
  RootEmitter emitter(body, builder, frame, library);
  LogicalResult result =
      llvm::TypeSwitch<Operation *, LogicalResult>(root)
          .Case<AppendKvOp, ArgMaxOp, ArgMinOp, AttentionOp, ChannelMaxPoolOp, ConvOp, DepthwiseConvOp, ExpertMatmulOp,
                GatherOp, LayerNormOp, MatmulOp, MaxPoolOp, PagedAttentionOp, PanelConvOp, PanelMatmulOp, ReduceOp,
                RmsNormOp, RopeOp, SoftmaxOp>([&](auto op) { return emitter.emit(op); })
          .Default([](Operation *op) { return op->emitOpError() << "has no kernel on the CPU"; });
  if (failed(result))
    return failure();
  return emitter.Call;
}
