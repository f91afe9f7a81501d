// Kernels without a template of their own, and gather.
#include "compiler/targets/cuda/ElementWork.h"
#include "compiler/targets/cuda/KernelPrinter.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

/// The memory that the space of a kernel is read from: each argument's strides.
static SmallVector<SmallVector<AffineExpr>> listStrides(const LaunchBody &body, ArrayRef<AffineExpr> space) {
  MLIRContext *context = body.getLaunch().getContext();
  SmallVector<SmallVector<AffineExpr>> list;
  for (BlockArgument argument : body.getBlock().getArguments()) {
    ArrayRef<AffineExpr> dims = body.getDims(argument);
    auto transpose = dyn_cast_if_present<TransposeOp>(body.getRoot());
    if (transpose && transpose.getInput() == argument) {
      SmallVector<AffineExpr> dense = getBroadcastStrides(dims, dims, context);
      list.push_back(llvm::map_to_vector(transpose.getPermutation(), [&](int64_t d) { return dense[d]; }));
    } else if (dims.size() <= space.size()) {
      list.push_back(getBroadcastStrides(dims, space, context));
    }
  }
  return list;
}

/// How many leading dimensions make up a row: the fewest with which every operand either moves on by one element or
/// stays where it is along the rest.
static unsigned chooseSplit(const LaunchBody &body, ArrayRef<AffineExpr> space) {
  SmallVector<SmallVector<AffineExpr>> operands = listStrides(body, space);
  for (unsigned split = 0; split + 1 < space.size(); ++split)
    if (llvm::all_of(operands, [&](ArrayRef<AffineExpr> strides) {
          return isUniform(space.drop_front(split), strides.drop_front(split));
        }))
      return split;
  return space.empty() ? 0 : space.size() - 1;
}

/// Elements that one thread handles: as many of the smallest type as fill 16 bytes.
static int64_t chooseVector(const LaunchBody &body) {
  int64_t smallest = 4;
  for (Type type : body.getPortTypes())
    if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && tensor.getElementType().isIntOrFloat())
      smallest = std::min<int64_t>(smallest, std::max(1u, tensor.getElementTypeBitWidth() / 8));
  return smallest >= 4 ? 4 : 8;
}

/// A thread has `count` elements, as a vector where it can. Of a tensor that is read in another order each is waited
/// for, as it may be what has been stored; its place takes divisions.
static void setElementWork(const LaunchBody &body, int64_t count, TemplateUse &use) {
  static constexpr double OfElement = 4, OfPlace = 40;
  auto transpose = dyn_cast_if_present<TransposeOp>(body.getRoot());
  report::KernelWork work;
  work.ItemAccesses = transpose ? double(count) : 1;
  work.ItemInstructions = double(count) * (OfElement + countInstructions(body) + (transpose ? OfPlace : 0));
  if (transpose && body.isNeverWritten(transpose.getInput())) {
    AffineExpr elements = LaunchBody::getProduct(body.getDims(transpose.getInput()), transpose.getContext());
    work.TableBytes = double(body.getMax(elements)) * getRowBytes(transpose.getInput().getType().getElementType(), 1);
    work.TableRows = 1;
  }
  use.setWork(work, use.Tiles, getAffineConstantExpr(0, body.getLaunch().getContext()));
}

FailureOr<TemplateUse> cuda::printElementwise(const LaunchBody &body) {
  Value first = body.getYielded()[0];
  ArrayRef<AffineExpr> space = body.getDims(first);
  MLIRContext *context = first.getContext();
  AffineExpr count = LaunchBody::getProduct(space, context);
  for (Value value : body.getYielded())
    if (body.getDims(value) != space)
      return body.getLaunch().emitOpError() << "yields " << first.getType() << " and " << value.getType()
                                            << ", but an elementwise CUDA kernel needs results of one shape";
  unsigned split = chooseSplit(body, space);
  Functor functor(body);
  ElementPrinter printer(body, {SmallVector<AffineExpr>(space), split, /*Vector=*/true}, functor);
  for (unsigned i = 0; i < body.getYielded().size(); ++i)
    if (failed(printer.store(i)))
      return failure();
  TemplateUse use;
  int64_t vector = chooseVector(body);
  use.Header = "elementwise.cuh";
  use.Functors = functor.printStruct(
      "Elements", llvm::formatv("  template <int N> __device__ void operator()({0}) const {{\n{1}  }\n",
                                split == 0 ? "int64_t index" : "int64_t row, int64_t col", printer.print(4))
                      .str());
  use.Body = functor.printValue("Elements");
  use.Config = llvm::formatv("vectors of {0}", vector);
  if (split == 0) {
    use.Type = llvm::formatv("Elementwise<{0}>", vector);
    use.Params = {{"Count", printSize(count)}};
    use.Tiles = count.ceilDiv(256 * vector);
    setElementWork(body, vector, use);
    return use;
  }
  AffineExpr rows = LaunchBody::getProduct(space.take_front(split), context);
  AffineExpr cols = LaunchBody::getProduct(space.drop_front(split), context);
  use.Type = llvm::formatv("ElementwiseRows<{0}>", vector);
  use.Params = {{"Rows", printSize(rows)}, {"Cols", printSize(cols)}};
  use.Tiles = (rows * cols.ceilDiv(vector)).ceilDiv(256);
  setElementWork(body, std::min(vector, body.getMax(cols)), use);
  return use;
}

/// A row's index, then the row: of a table that no kernel has written, from somewhere in memory.
static void setTableWork(const LaunchBody &body, Value table, AffineExpr cols, TemplateUse &use) {
  static constexpr double OfPlace = 120, OfElement = 3, OfCode = 25;
  static constexpr int64_t Vector = 8;
  auto type = cast<RankedTensorType>(table.getType());
  bool blocks = isa<QuantizedTypeInterface>(type.getElementType());
  report::KernelWork work;
  work.ItemAccesses = 2;
  work.ItemInstructions = OfPlace + Vector * (OfElement + (blocks ? OfCode : 0) + countInstructions(body));
  if (body.isNeverWritten(table)) {
    work.TableBytes =
        double(body.getMax(body.getDim(table, 0))) * getRowBytes(type.getElementType(), body.getMax(cols));
    work.TableRows = double(use.Threads * Vector) / double(body.getMax(cols));
  }
  use.setWork(work, use.Tiles, getAffineConstantExpr(0, table.getContext()));
}

/// Rows of `table`, of all of its dimensions but the first, at the places that `indices` holds.
static FailureOr<TemplateUse> printTableRows(const LaunchBody &body, Value table, Value indices) {
  Operation *op = body.getRoot();
  FailureOr<std::string> element = getElementType(op, table.getType()), index = getElementType(op, indices.getType()),
                         output = getElementType(op, body.getYielded()[0].getType()), data = getParameter(body, table),
                         places = getParameter(body, indices);
  if (failed(element) || failed(index) || failed(output) || failed(data) || failed(places))
    return failure();
  AffineExpr rows = LaunchBody::getProduct(body.getDims(indices), op->getContext());
  AffineExpr cols = LaunchBody::getProduct(body.getDims(table).drop_front(), op->getContext());
  TemplateUse use;
  use.Header = "gather.cuh";
  use.Type = llvm::formatv("Gather<{0}, {1}, {2}>", *element, *index, *output);
  use.Config = "rows";
  use.Params = {{"Data", *data},
                {"Indices", *places},
                {"Out", "p" + std::to_string(body.getOutputPort(0))},
                {"Rows", printSize(rows)},
                {"Cols", printSize(cols)},
                {"TableRows", printSize(body.getDim(table, 0))},
                {"LdTable", printSize(cols)},
                {"LdOut", printSize(cols)}};
  addFaults(use);
  use.Tiles = (rows * cols.ceilDiv(8)).ceilDiv(256);
  setTableWork(body, table, cols, use);
  if (failed(addEpilogue(body, /*split=*/body.getDims(indices).size(), use)))
    return failure();
  return use;
}

FailureOr<TemplateUse> cuda::printGather(const LaunchBody &body, GatherOp op) {
  return printTableRows(body, op.getTable(), op.getIndices());
}

FailureOr<TemplateUse> cuda::printGatherAlong(const LaunchBody &body, GatherAlongOp op) {
  RankedTensorType table = op.getInput().getType();
  Type element = table.getElementType();
  // Rows that the template's threads have a piece of each.
  constexpr int64_t LeastCols = 8;
  int64_t cols = body.getMax(LaunchBody::getProduct(body.getDims(op.getInput()).drop_front(), op->getContext()));
  bool rows = op.getAxis() == 0 && (element.isF32() || element.isF16() || element.isBF16()) && cols >= LeastCols &&
              llvm::equal(body.getYielded(), op->getResults());
  return rows ? printTableRows(body, op.getInput(), op.getIndices()) : printLoop(body, op);
}
