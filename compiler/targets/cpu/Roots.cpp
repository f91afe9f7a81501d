// Which template computes each operation, and its arguments, in the order of the template's source in kernels/.
#include "compiler/targets/cpu/RootEmitter.h"
#include "dialects/lathe/DimArithmetic.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cpu;

// As in kernels/Matmul.cpp, kernels/Products.h and kernels/Int8.cpp.
static constexpr int64_t MatmulColumns = 16;
static constexpr int64_t ProductRows = 140, ProductColumns = 32, Int8Rows = 132;

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

FailureOr<Operand> RootEmitter::getRows(Operation *op, Value value) {
  BlockArgument argument = KernelBody::findArgument(value);
  auto type = argument ? cast<RankedTensorType>(argument.getType()) : RankedTensorType();
  auto blocked = type ? dyn_cast<BlockedType>(type.getElementType()) : BlockedType();
  if (!blocked)
    return getOperand(op, value);
  int64_t columns = type.getShape().back();
  llvm::Function *unpack = ShapedType::isDynamic(columns) ? nullptr : getBlockedUnpack(Library, blocked, columns);
  if (!unpack)
    return op->emitOpError() << "reads elements of type " << blocked << ", for which the CPU has no kernel";
  return Operand{Frame.Buffers[argument.getArgNumber()], blocked, "", unpack};
}

FailureOr<Operand> RootEmitter::getOptional(Operation *op, Value value) {
  if (value)
    return getOperand(op, value);
  return Operand{llvm::ConstantPointerNull::get(Builder.getPtrTy()), Float32Type::get(op->getContext()), "f32"};
}

void RootEmitter::addRowSteps(AffineExpr length, const Operand &operand) {
  if (isa<BlockedType>(operand.Element)) {
    add(int64_t(0));
    return add(length);
  }
  add(emitBytes(length, operand.Element));
  add(int64_t(0));
}

llvm::Value *RootEmitter::emitBytes(AffineExpr elements, Type element) {
  if (auto blocks = dyn_cast<QuantizedTypeInterface>(element))
    return Frame.emit(Builder, elements.floorDiv(blocks.getBlockShape()[1]) * blocks.getBlockBytes());
  return Frame.emit(Builder, elements * getElementBytes(element));
}

AffineExpr RootEmitter::countProductTiles(AffineExpr m, AffineExpr n, int64_t rows) {
  return m.ceilDiv(rows) * n.ceilDiv(ProductColumns);
}

LogicalResult RootEmitter::emit(MatmulOp op) {
  bool transposed = op.getTransposeRhs(), narrow = KernelBody::readsNarrowWeights(op);
  FailureOr<Operand> lhs = getOperand(op, op.getLhs());
  FailureOr<Operand> rhs = narrow ? getRows(op, op.getRhs()) : getOperand(op, op.getRhs());
  if (failed(lhs) || failed(rhs))
    return failure();
  ArrayRef<AffineExpr> left = Body.getDims(op.getLhs()), right = Body.getDims(op.getRhs());
  ArrayRef<AffineExpr> result = Body.getDims(op.getResult());
  // One matrix on the right multiplies the rows of all matrices on the left.
  unsigned batchRank = right.size() == 2 ? 0 : result.size() - 2;
  AffineExpr m = right.size() == 2 ? Body.getElements(op.getLhs(), 0, left.size() - 1) : result[batchRank];
  AffineExpr n = result.back(), k = left.back();
  Call.Template = getTemplate(narrow ? "lathe_matmul_transposed" : "lathe_matmul");
  Call.Tiles = narrow ? n.ceilDiv(MatmulColumns)
                      : countProductTiles(m, n, ProductRows) * Body.getElements(op.getResult(), 0, batchRank);
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
  if (narrow) {
    addRowSteps(k, *rhs);
  } else {
    add(emitBytes(transposed ? k : n, rhs->Element));
    addFlag(transposed);
  }
  addFunction("lathe_unpack_", *lhs);
  addFunction("lathe_unpack_", *rhs);
  addFlag(lhs->Element.isF32());
  if (narrow)
    addFlag(rhs->Element.isF32());
  return success();
}

LogicalResult RootEmitter::emit(ExpertMatmulOp op) {
  FailureOr<Operand> input = getOperand(op, op.getInput()), weights = getRows(op, op.getWeights());
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
  addRowSteps(k, *weights);
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
  Call.Tiles = countProductTiles(m, n, ProductRows);
  add(lhs->Address);
  add(panels->Address);
  add(m);
  add(n);
  add(k);
  add(emitBytes(k, lhs->Element));
  add(getElementBytes(panels->Element));
  addFunction("lathe_unpack_", *lhs);
  addFunction("lathe_unpack_", *panels);
  addFlag(lhs->Element.isF32());
  addFlag(panels->Element.isF32());
  return success();
}

LogicalResult RootEmitter::emit(Int8MatmulOp op) {
  FailureOr<Operand> lhs = getOperand(op, op.getLhs());
  FailureOr<llvm::Value *> weights = getAddress(op, op.getRhs());
  if (failed(lhs) || failed(weights))
    return failure();
  auto panels = dyn_cast<GgufPanelsType>(op.getRhs().getType().getElementType());
  if (!panels)
    return op.emitOpError() << "has weights of type " << op.getRhs().getType()
                            << ", but the CPU's kernel reads panels; run lathe-pack-products before";
  unsigned rank = op.getLhs().getType().getRank();
  AffineExpr m = Body.getElements(op.getLhs(), 0, rank - 1), k = Body.getDim(op.getLhs(), rank - 1);
  AffineExpr n = Body.getDim(op.getResult(), rank - 1);
  Call.Template = getTemplate("lathe_int8_matmul_" + panels.getFormat());
  Call.Tiles = countProductTiles(m, n, Int8Rows);
  add(lhs->Address);
  add(*weights);
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
  SmallVector<AffineExpr> groups = groupReducedDims(Body.getDims(op.getInput()), op.getAxes(), op.getContext());
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
  FailureOr<llvm::Value *> indices = getAddress(op, op.getIndices()), address = getAddress(op, op.getTable());
  if (failed(indices) || failed(address))
    return failure();
  auto panels = dyn_cast<GgufPanelsType>(op.getTable().getType().getElementType());
  FailureOr<Operand> table = Operand{*address, panels, panels ? panels.getFormat().str() : ""};
  if (!panels)
    table = getRows(op, op.getTable());
  if (failed(table))
    return failure();
  AffineExpr length = Body.getDim(op.getTable(), 1);
  Call.Template = getTemplate(panels ? "lathe_gather_panels_" + table->Format : "lathe_gather");
  Call.Tiles = Body.getDim(op.getResult(), 0);
  add(table->Address);
  add(*indices);
  addFlag(op.getIndices().getType().getElementType().isInteger(64));
  add(Body.getDim(op.getTable(), 0));
  add(length);
  if (!panels)
    addRowSteps(length, *table);
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
  Call.Tiles =
      countProductTiles(Body.getElements(op.getResult(), 0, 3), outputs.floorDiv(groups), ProductRows) * groups;
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

FailureOr<RootCall> cpu::emitRootCall(const KernelBody &body, Operation *root, llvm::IRBuilderBase &builder,
                                      const KernelFrame &frame, TemplateLibrary &library) {
  RootEmitter emitter(body, builder, frame, library);
  LogicalResult result =
      llvm::TypeSwitch<Operation *, LogicalResult>(root)
          .Case<AppendKvOp, ArgMaxOp, ArgMinOp, AttentionOp, ChannelMaxPoolOp, ConvOp, DepthwiseConvOp, ExpertMatmulOp,
                GatherOp, Int8MatmulOp, LayerNormOp, MatmulOp, MaxPoolOp, PagedAttentionOp, PanelConvOp, PanelMatmulOp,
                RaggedAttentionOp, ReduceOp, RmsNormOp, RopeOp, SoftmaxOp>([&](auto op) { return emitter.emit(op); })
          .Default([](Operation *op) { return op->emitOpError() << "has no kernel on the CPU"; });
  if (failed(result))
    return failure();
  return emitter.Call;
}
