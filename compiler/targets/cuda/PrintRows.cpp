// Norms, softmax, and rows that are rounded: one summary of each row, then every element of the row again. Arg max: the
// summary alone.
#include "compiler/targets/cuda/ElementWork.h"
#include "compiler/targets/cuda/KernelPrinter.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

namespace {
/// What differs between the roots.
struct RowRoot {
  StringRef Reduction; ///< of row_reduction.cuh
  int64_t SummaryFields;
  std::string Members; ///< of struct Row
  std::string Finish;  ///< the Row of a summary `s`
  std::string Element; ///< the root's result of x[i] and the Row `r`
  unsigned Axis;       ///< where the dimensions that make up a row begin
  Value Gains = {};    ///< what `Element` calls gains[i], of a row's columns, never written; or null
};
} // namespace

// What a thread keeps in registers.
static constexpr int64_t ElementsOfThread = 16;

// Instructions for an element of a row beside its operations: it is loaded and summarized; for the place of the largest
// it is compared, and chosen or not.
static constexpr double InstructionsOfElement = 12, InstructionsOfPlace = 6;

namespace {
/// How threads share a row.
struct RowShape {
  int64_t Group;
  int64_t Vector = 4;              ///< neighbouring elements that a thread handles at once
  int64_t Kept = ElementsOfThread; ///< elements that a thread keeps in registers between the passes
  bool Early = false;              ///< numbers of columns are fetched before other kernels have ended

  /// Parameters of the template behind its group, as far as they are not its own.
  std::string print() const {
    if (Kept != ElementsOfThread)
      return llvm::formatv(", {0}, {1}, {2}", Vector, Early, Kept);
    return Early || Vector != 4 ? llvm::formatv(", {0}{1}", Vector, Early ? ", true" : "").str() : "";
  }
};
} // namespace

/// The fewest threads that keep a row in registers between the passes.
static RowShape chooseShape(int64_t maxCols) {
  for (int64_t group : {32, 128, 256, 512})
    if (maxCols <= group * ElementsOfThread)
      return {group};
  return {1024};
}

/// Rows of 16 bits that are rounded: of long ones threads keep more, so that several blocks are under way on a
/// multiprocessor, some loading while others store. 2048 rows of 14336 take an H200 56 us (68 by 1024 threads, 81 where
/// they load four elements at a time), of 4096 20 us, events about 8 us of each.
static RowShape chooseRoundingShape(int64_t maxCols) {
  for (RowShape shape :
       {RowShape{32, 8}, RowShape{128, 8}, RowShape{256, 8}, RowShape{256, 8, 32}, RowShape{256, 8, 64}})
    if (maxCols <= shape.Group * shape.Kept)
      return shape;
  return {1024, 8};
}

/// Elements of a space without dimensions for rows know their place as `index`; there is one row then.
static StringRef printIndex(const ElementSpace &space) {
  return space.Split == 0 ? "    const int64_t index = col;\n" : "";
}

/// The functor's function that brings the elements of `input`.
static LogicalResult printLoad(const LaunchBody &body, Value input, const ElementSpace &space, Functor &functor,
                               std::string &text) {
  ElementPrinter printer(body, space, functor);
  if (failed(printer.assign(input, "x[i]")))
    return failure();
  text += "  template <int N> __device__ void load(int64_t row, int64_t col, float (&x)[N]) const {\n" +
          printIndex(space).str() + printer.print(4) + "  }\n";
  return success();
}

// Rows of so many columns are spread over clusters of blocks: of 8 where they are few, so that each has less to read;
// of 4 where more of them would not all run at once. 64 rows of 128,256 columns take an H200 10.7 us by these, 12.5 by
// those of 8.
static constexpr int64_t LongRow = 16384, FewLongRows = 16, ManyLongRows = 256;

/// Lets a cluster share a row, where only its summary is wanted and the GPU has clusters.
static void spreadRows(const LaunchBody &body, StringRef reduction, int64_t summaryFields, AffineExpr rows,
                       AffineExpr cols, TemplateUse &use) {
  static constexpr int64_t Threads = 512, Vector = 4, Ahead = 8;
  if (body.getTarget() != HopperTarget || body.getMax(cols) < LongRow || body.getMax(rows) > ManyLongRows)
    return;
  int64_t cluster = body.getMax(rows) <= FewLongRows ? 8 : 4;
  use.Header = "row_reduction_sm90.cuh";
  use.Type = llvm::formatv("RowReductionCluster<{0}, {1}>", reduction, cluster);
  use.Config = llvm::formatv("a cluster of {0} blocks a row", cluster);
  use.Threads = Threads;
  use.SharedBytes = Threads / 32 * 4 * summaryFields;
  use.Tiles = rows * cluster;
  use.Cluster = cluster;
  use.MostResident = 3;
  report::KernelWork work;
  work.StepOtherBytes = Threads * Vector * 4;
  work.InFlight = Ahead;
  work.ItemAccesses = 1; // the first of what is loaded ahead
  work.StepInstructions = Vector * InstructionsOfPlace;
  work.StepThreads = Threads;
  use.setWork(work, rows, cols.ceilDiv(cluster * Threads * Vector));
}

/// The functor's function that brings numbers of columns before other kernels have ended.
static LogicalResult printFetch(const LaunchBody &body, const ElementSpace &space, Value gains, Functor &functor,
                                std::string &text) {
  ElementPrinter printer(body, space, functor);
  if (failed(printer.assign(gains, "gains[i]")))
    return failure();
  text += "  template <int N> __device__ void fetch(int64_t col, float (&gains)[N]) const {\n" +
          printIndex(space).str() + printer.print(4) + "  }\n";
  return success();
}

/// Lets a warp keep each row, where all of its lanes can.
static void keepRows(const LaunchBody &body, AffineExpr rows, AffineExpr cols, TemplateUse &use) {
  static constexpr int64_t MaxCols = 1024; // CenteredRows::MaxCols
  if (body.getMax(cols) > MaxCols)
    return;
  bool narrow = llvm::any_of(body.getPortTypes(), [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getElementType().isIntOrFloat() && tensor.getElementTypeBitWidth() <= 16;
  });
  int64_t vector = narrow ? 8 : 4;
  use.Type = llvm::formatv("CenteredRows<{0}>", vector);
  use.Config = "a warp a row";
  use.Threads = 256;
  use.SharedBytes = 0;
  use.Tiles = rows.ceilDiv(8);
  use.MostResident = 4;
  report::KernelWork work; // as of other rows
  work.StepOtherBytes = double(use.Threads * vector * 4);
  work.ItemAccesses = 3;
  work.StepInstructions = double(vector) * (InstructionsOfElement + countInstructions(body));
  work.StepThreads = use.Threads;
  use.setWork(work, use.Tiles, cols.ceilDiv(32 * vector));
}

/// What all row reductions have in common: a kernel with the functor `Rows`.
static TemplateUse makeUse(const LaunchBody &body, const Functor &functor, StringRef text, StringRef reduction,
                           int64_t summaryFields, ArrayRef<AffineExpr> dims, unsigned axis, RowShape shape) {
  MLIRContext *context = body.getLaunch().getContext();
  AffineExpr cols = LaunchBody::getProduct(dims.drop_front(axis), context);
  AffineExpr rows = LaunchBody::getProduct(dims.take_front(axis), context);
  int64_t group = shape.Group;
  TemplateUse use;
  use.Header = "row_reduction.cuh";
  use.Type = llvm::formatv("RowReduction<{0}, {1}{2}>", reduction, group, shape.print());
  use.Config = llvm::formatv("{0} threads a row", group);
  use.Params = {{"Rows", printSize(rows)}, {"Cols", printSize(cols)}};
  use.Functors = functor.printStruct("Rows", text);
  use.Body = functor.printValue("Rows");
  use.Threads = group == 32 ? 256 : group;
  use.SharedBytes = group == 32 ? 0 : group / 32 * 4 * summaryFields;
  use.Tiles = group == 32 ? rows.ceilDiv(8) : rows;
  use.MostResident = 5 * 256 / use.Threads + 1;
  // A row is read once, all of it at a time, and what each element is multiplied with when its summary is known.
  report::KernelWork work;
  work.StepOtherBytes = double(use.Threads * shape.Vector * 4);
  work.ItemAccesses = 2;
  work.InFlight = body.getMax(cols) > group * shape.Kept ? 1 : 0; // longer rows part by part
  bool place = isa<ArgMaxOp>(body.getRoot());
  work.StepInstructions =
      double(shape.Vector) * (place ? InstructionsOfPlace : InstructionsOfElement + countInstructions(body));
  work.StepThreads = use.Threads;
  use.setWork(work, use.Tiles, cols.ceilDiv(group * shape.Vector));
  return use;
}

static FailureOr<TemplateUse> printRows(const LaunchBody &body, const RowRoot &root,
                                        llvm::function_ref<LogicalResult(ElementPrinter &, std::string &)> prepare) {
  Operation *op = body.getRoot();
  Value input = op->getOperand(0), result = op->getResult(0);
  ArrayRef<AffineExpr> dims = body.getDims(input);
  ElementSpace space = {SmallVector<AffineExpr>(dims), root.Axis, /*Vector=*/true};
  for (Value value : body.getYielded())
    if (cast<RankedTensorType>(value.getType()).getShape() != cast<RankedTensorType>(result.getType()).getShape())
      return op->emitOpError() << "shares a launch with a result of type " << value.getType()
                               << ", but its CUDA kernel gives results of one shape";
  Functor functor(body);
  std::string text = "  static constexpr bool Stores = true;\n  struct Row {\n    float " + root.Members + ";\n  };\n";
  if (failed(printLoad(body, input, space, functor, text)))
    return failure();
  AffineExpr cols = LaunchBody::getProduct(dims.drop_front(root.Axis), op->getContext());
  text += llvm::formatv("  __device__ Row finish(const {0}::Summary &s, int64_t, bool) const {{ return {1}; }\n",
                        root.Reduction, llvm::formatv(root.Finish.c_str(), functor.getSize(cols)));
  if (root.Gains && failed(printFetch(body, space, root.Gains, functor, text)))
    return failure();
  ElementPrinter printer(body, space, functor);
  printer.bind(input, "x[i]");
  std::string element = root.Element;
  if (failed(prepare(printer, element)))
    return failure();
  printer.bind(result, element);
  for (unsigned i = 0; i < body.getYielded().size(); ++i)
    if (failed(printer.store(i)))
      return failure();
  text +=
      llvm::formatv("  template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], {0}const "
                    "Row &r) const {{\n{1}{2}  }\n",
                    root.Gains ? "const float (&gains)[N], " : "", printIndex(space), printer.print(4));
  RowShape shape = chooseShape(body.getMax(cols));
  shape.Early = bool(root.Gains);
  return makeUse(body, functor, text, root.Reduction, root.SummaryFields, dims, root.Axis, shape);
}

static unsigned getLastAxis(Value value) { return cast<RankedTensorType>(value.getType()).getRank() - 1; }

FailureOr<TemplateUse> cuda::printSoftmax(const LaunchBody &body, SoftmaxOp op) {
  RowRoot root = {"SoftmaxSum",
                  2,
                  "Max, Scale",
                  "{{s.Max, 1.0f / s.Sum}",
                  "(expf(x[i] - r.Max) * r.Scale)",
                  getLastAxis(op.getInput())};
  return printRows(body, root, [](ElementPrinter &, std::string &) { return success(); });
}

FailureOr<TemplateUse> cuda::printRmsNorm(const LaunchBody &body, RmsNormOp op) {
  std::string epsilon = printFloat(op.getEpsilon().convertToFloat());
  RowRoot root = {"SumOfSquares",
                  1,
                  "Scale",
                  "{{rsqrtf(s.Sum / float({0}) + " + epsilon + ")}",
                  "(x[i] * r.Scale)",
                  getLastAxis(op.getInput()),
                  body.isNeverWritten(op.getWeight()) ? Value(op.getWeight()) : Value()};
  return printRows(body, root, [&](ElementPrinter &printer, std::string &element) -> LogicalResult {
    if (root.Gains) {
      element = "(x[i] * r.Scale * gains[i])";
      return success();
    }
    FailureOr<std::string> weight = printer.get(op.getWeight());
    if (failed(weight))
      return failure();
    element = "(x[i] * r.Scale * " + *weight + ")";
    return success();
  });
}

FailureOr<TemplateUse> cuda::printArgMax(const LaunchBody &body, ArgMaxOp op) {
  ArrayRef<AffineExpr> dims = body.getDims(op.getInput());
  // The first of the largest along the last dimension, as sampling asks for it; anything else is a reduction like
  // others.
  if (op.getAxis() + 1 != dims.size() || op.getSelectLast() || !llvm::equal(body.getYielded(), op->getResults()) ||
      !op.getInput().getType().getElementType().isF32())
    return printReduce(body, op);
  ElementSpace space = {SmallVector<AffineExpr>(dims), unsigned(dims.size() - 1), /*Vector=*/true};
  Functor functor(body);
  std::string text = "  static constexpr bool Stores = false;\n  struct Row {};\n";
  FailureOr<std::string> out = functor.getPointer(body.getOutputPort(0), op);
  if (failed(out) || failed(printLoad(body, op.getInput(), space, functor, text)))
    return failure();
  text +=
      llvm::formatv("  __device__ Row finish(const ArgMaxReduction::Summary &s, int64_t row, bool leader) const {{\n"
                    "    if (leader)\n      {0}[row] = s.Index < 0 ? 0 : s.Index;\n    return {{};\n  }\n",
                    *out);
  TemplateUse use =
      makeUse(body, functor, text, "ArgMaxReduction", 2, dims, dims.size() - 1, chooseShape(body.getMax(dims.back())));
  spreadRows(body, "ArgMaxReduction", 2, LaunchBody::getProduct(dims.drop_back(), op->getContext()), dims.back(), use);
  return use;
}

FailureOr<TemplateUse> cuda::printLayerNorm(const LaunchBody &body, LayerNormOp op) {
  std::string epsilon = printFloat(op.getEpsilon().convertToFloat());
  RowRoot root = {"MeanVariance",
                  3,
                  "Mean, Scale",
                  "{{s.Mean, rsqrtf(s.Squares / float({0}) + " + epsilon + ")}",
                  "((x[i] - r.Mean) * r.Scale)",
                  unsigned(op.getAxis())};
  FailureOr<TemplateUse> use =
      printRows(body, root, [&](ElementPrinter &printer, std::string &element) -> LogicalResult {
        for (auto [value, sign] : {std::pair(op.getScale(), " * "), std::pair(op.getBias(), " + ")}) {
          FailureOr<std::string> text = value ? printer.get(value) : std::string();
          if (failed(text))
            return failure();
          if (value)
            element = "(" + element + sign + *text + ")";
        }
        return success();
      });
  ArrayRef<AffineExpr> dims = body.getDims(op.getInput());
  if (succeeded(use))
    keepRows(body, LaunchBody::getProduct(dims.take_front(root.Axis), op.getContext()),
             LaunchBody::getProduct(dims.drop_front(root.Axis), op.getContext()), *use);
  return use;
}

/// The number of `value` among what the part yields.
static unsigned findYielded(const LaunchBody &body, Value value) {
  const auto *found = llvm::find(body.getYielded(), value);
  assert(found != body.getYielded().end() && "codes and scales are of no use without each other");
  return unsigned(found - body.getYielded().begin());
}

FailureOr<TemplateUse> cuda::printRoundRows(const LaunchBody &body, RoundRowsOp op) {
  auto norm = body.getRoots().size() > 1 ? cast<RmsNormOp>(body.getRoots().front()) : RmsNormOp();
  if (norm && !body.isNeverWritten(norm.getWeight()))
    return norm.emitOpError() << "shares a launch with the rounding of its rows, but a kernel writes its weight; put "
                                 "them into two fusions";
  Value input = norm ? norm.getInput() : op.getInput();
  ArrayRef<AffineExpr> dims = body.getDims(input);
  ElementSpace space = {SmallVector<AffineExpr>(dims), unsigned(dims.size() - 1), /*Vector=*/true};
  Functor functor(body);
  unsigned codes = findYielded(body, op.getCodes());
  FailureOr<std::string> scales = functor.getPointer(body.getOutputPort(findYielded(body, op.getScales())), op);
  std::string text = "  static constexpr bool Stores = true;\n  struct Row {\n    float Factor;\n  };\n";
  if (failed(scales) || failed(printLoad(body, input, space, functor, text)))
    return failure();
  StringRef reduction = norm ? "SquaresAndLargest" : "LargestMagnitude";
  std::string factor = "1.0f";
  if (norm)
    factor = llvm::formatv("rsqrtf(s.Squares / float({0}) + {1})", functor.getSize(dims.back()),
                           printFloat(norm.getEpsilon().convertToFloat()));
  bool integers = op.getCodes().getType().getElementType().isInteger(8);
  text += llvm::formatv("  __device__ Row finish(const {0}::Summary &s, int64_t row, bool leader) const {{\n"
                        "    float factor = {1}, scale = s.Most * factor * (1.0f / {2});\n"
                        "    scale = scale < {3} ? {3} : scale;\n"
                        "    if (leader)\n      {4}[row] = scale;\n"
                        "    return {{factor * (1.0f / scale)};\n  }\n",
                        reduction, factor, integers ? "127.0f" : "448.0f", printFloat(0x1p-100), *scales);
  if (norm && failed(printFetch(body, space, norm.getWeight(), functor, text)))
    return failure();
  ElementPrinter printer(body, space, functor);
  std::string element = norm ? "x[i] * gains[i] * r.Factor" : "x[i] * r.Factor";
  printer.bind(op.getCodes(), integers ? "saturate<int8_t>(rintf(" + element + "))" : "(" + element + ")");
  if (failed(printer.store(codes)))
    return failure();
  text +=
      llvm::formatv("  template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], {0}const "
                    "Row &r) const {{\n{1}{2}  }\n",
                    norm ? "const float (&gains)[N], " : "", printIndex(space), printer.print(4));
  int64_t columns = body.getMax(dims.back());
  bool narrow = cast<RankedTensorType>(input.getType()).getElementTypeBitWidth() == 16;
  RowShape shape = !norm && narrow ? chooseRoundingShape(columns) : chooseShape(columns);
  shape.Early = bool(norm);
  return makeUse(body, functor, text, reduction, norm ? 2 : 1, dims, dims.size() - 1, shape);
}
