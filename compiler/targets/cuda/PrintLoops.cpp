// Operations with a LoopOpInterface: they describe the launch's buffers to the loop (loops/Tensor.h) and call it.
#include "compiler/targets/cuda/KernelPrinter.h"
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/reference/LoopTensor.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

namespace {
/// Prints the function of the functor that hands the tensors to a loop.
class LoopPrinter {
public:
  LoopPrinter(const LaunchBody &body, LoopOpInterface op) : Body(body), Op(op), Parts(body) {}
  FailureOr<TemplateUse> print();

private:
  FailureOr<std::string> printInput(Value input);
  FailureOr<std::string> printOutput(Value result);
  FailureOr<std::string> printTensor(unsigned port, Value tensor);
  std::string printNumbers(const Twine &name, ArrayRef<AffineExpr> numbers);

  const LaunchBody &Body;
  LoopOpInterface Op;
  Functor Parts;
  std::string Shapes; ///< the arrays of sizes, before the tensors that name them
  unsigned NumShapes = 0;
};
} // namespace

/// Where the launch stores a result of its root. Fails with a diagnostic where it does not.
static FailureOr<unsigned> findOutputPort(const LaunchBody &body, Value result) {
  auto yielded = llvm::find(body.getYielded(), result);
  if (yielded == body.getYielded().end())
    return result.getDefiningOp()->emitOpError() << "has a result that its launch does not store";
  return body.getOutputPort(unsigned(yielded - body.getYielded().begin()));
}

static StringRef getStructName(StringRef loop) {
  return llvm::StringSwitch<StringRef>(loop)
#define LATHE_LOOP(name, Struct) .Case(#name, #Struct)
#include "dialects/lathe/reference/loops/Loops.def"
      ;
}

static StringRef getElementName(loops::Element element) {
  static constexpr StringRef names[] = {"None", "F32", "F16", "BF16", "F64",  "I8",  "U8",
                                        "I16",  "I32", "I64", "U32",  "Bool", "U16", "U64"};
  return names[int32_t(element)];
}

std::string LoopPrinter::printNumbers(const Twine &name, ArrayRef<AffineExpr> numbers) {
  SmallVector<std::string> texts;
  for (AffineExpr number : numbers)
    texts.push_back(Parts.getSize(number));
  if (texts.empty())
    texts.push_back("0"); // an array has an element
  return ("    const int64_t " + name + "[] = {" + llvm::join(texts, ", ") + "};\n").str();
}

FailureOr<std::string> LoopPrinter::printTensor(unsigned port, Value tensor) {
  Type type = tensor.getType();
  loops::Element element = isa<SizesType>(type) ? loops::Element::None : getLoopElement(getElementTypeOrSelf(type));
  if (!isa<SizesType>(type) && element == loops::Element::None)
    return Op->emitOpError() << "has elements of type " << getElementTypeOrSelf(type)
                             << ", for which there is no CUDA kernel; cast them to f32 in front of it";
  FailureOr<std::string> pointer = Parts.getPointer(port, Op);
  if (failed(pointer))
    return failure();
  ArrayRef<AffineExpr> dims = Body.getDims(tensor);
  std::string shape = "s" + std::to_string(NumShapes++);
  Shapes += printNumbers(shape, dims);
  std::string data =
      isa<SizesType>(type) ? "nullptr" : "const_cast<void *>(static_cast<const void *>(" + *pointer + "))";
  return llvm::formatv("{{{0}, {1}, {2}, lathe::loops::Element::{3}}", data, shape, dims.size(),
                       getElementName(element))
      .str();
}

FailureOr<std::string> LoopPrinter::printInput(Value input) {
  if (!input)
    return std::string("{nullptr, nullptr, 0, lathe::loops::Element::None}");
  FailureOr<unsigned> port = Body.getInputPort(Op, input);
  return succeeded(port) ? printTensor(*port, input) : FailureOr<std::string>();
}

FailureOr<std::string> LoopPrinter::printOutput(Value result) {
  FailureOr<unsigned> port = findOutputPort(Body, result);
  return succeeded(port) ? printTensor(*port, result) : FailureOr<std::string>();
}

FailureOr<TemplateUse> LoopPrinter::print() {
  SmallVector<std::string> inputs, outputs;
  for (Value input : Op.getLoopInputs()) {
    FailureOr<std::string> text = printInput(input);
    if (failed(text))
      return failure();
    inputs.push_back(*text);
  }
  for (Value result : Op->getResults()) {
    FailureOr<std::string> text = printOutput(result);
    if (failed(text))
      return failure();
    outputs.push_back(*text);
  }
  if (inputs.empty())
    inputs.push_back("{}");
  SmallVector<DimList> dims;
  for (Value operand : Op->getOperands())
    dims.push_back(DimList(Body.getDims(operand)));
  SmallVector<AffineExpr> attributes;
  Op.getLoopAttributes(dims, attributes);
  std::string text = "  template <class Run> __device__ auto with(Run run) const {\n" + Shapes +
                     printNumbers("attributes", attributes) + "    const lathe::loops::Tensor inputs[] = {" +
                     llvm::join(inputs, ", ") + "};\n    const lathe::loops::Tensor outputs[] = {" +
                     llvm::join(outputs, ", ") + "};\n    return run(inputs, outputs, attributes);\n  }\n";
  TemplateUse use;
  use.Header = "loops.cuh";
  use.Functors = Parts.printStruct("Call", text);
  use.Type = ("LoopKernel<lathe::loops::" + getStructName(Op.getLoopName()) + ", Call>").str();
  use.Config = "the reference's loop, one thread a tile";
  use.Params = {{"Tensors", Parts.printValue("Call")}};
  addFaults(use);
  ArrayRef<AffineExpr> first = Body.getDims(Op->getResult(0));
  use.Tiles = LaunchBody::getProduct(first, Op->getContext()).ceilDiv(use.Threads);
  report::KernelWork work; // as if nothing but the first element was waited for
  work.ItemAccesses = 1;
  use.setWork(work, use.Tiles, getAffineConstantExpr(0, Op->getContext()));
  return use;
}

// Rows from so many columns on are worth a block of threads, and longer ones a cluster.
static constexpr int64_t LongRow = 512, ClusterRow = 8192;

/// Whether `op` takes the largest of long rows, of a kind that top_k.cuh has.
static bool takesLargestOfRows(const LaunchBody &body, TopKOp op) {
  static constexpr int64_t MaxCount = 64; // TopK::K
  RankedTensorType input = op.getInput().getType();
  Type element = input.getElementType();
  int64_t count = op.getValues().getType().getShape().back();
  AffineExpr cols = body.getDims(op.getInput()).back();
  return op.getLargest() && int64_t(op.getAxis()) == input.getRank() - 1 &&
         (element.isF32() || element.isF16() || element.isBF16()) && count >= 1 && count <= MaxCount &&
         input.getShape().back() >= LongRow && body.getMax(cols) < UINT32_MAX;
}

/// The template for the largest elements of rows.
static FailureOr<TemplateUse> printTopK(const LaunchBody &body, TopKOp op) {
  static constexpr int64_t Threads = 512, Warps = Threads / 32, Room = 1024, MaxCluster = 8;
  FailureOr<std::string> input = getParameter(body, op.getInput()),
                         element = getElementType(op, op.getInput().getType());
  if (failed(input) || failed(element))
    return failure();
  std::string outputs[2];
  for (auto [result, name] : llvm::zip_equal(op->getResults(), outputs)) {
    FailureOr<unsigned> port = findOutputPort(body, result);
    if (failed(port))
      return failure();
    name = "p" + std::to_string(*port);
  }
  ArrayRef<AffineExpr> dims = body.getDims(op.getInput());
  AffineExpr rows = LaunchBody::getProduct(dims.drop_back(), op.getContext());
  int64_t count = op.getValues().getType().getShape().back(), cols = op.getInput().getType().getShape().back();
  int64_t cluster = body.getTarget() == HopperTarget && cols >= ClusterRow ? MaxCluster : 1;
  TemplateUse use;
  use.Header = "top_k.cuh";
  use.Type = llvm::formatv("TopK<{0}, {1}, {2}>", *element, count, cluster);
  use.Config = cluster > 1 ? llvm::formatv("a cluster of {0} blocks a row", cluster).str() : "a block a row";
  use.Params = {{"X", *input},
                {"Values", outputs[0]},
                {"Indices", outputs[1]},
                {"Rows", printSize(rows)},
                {"Cols", std::to_string(cols)}};
  use.Threads = Threads;
  use.SharedBytes = 8 * (Room + count + cluster * count) + 4 * Warps + 8; // TopK::Shared
  use.Cluster = cluster;
  use.Tiles = rows * cluster;
  return use;
}

FailureOr<TemplateUse> cuda::printLoop(const LaunchBody &body, Operation *op) {
  for (Value value : body.getYielded())
    if (value.getDefiningOp() != op)
      return op->emitOpError() << "shares a launch with another result, but a loop is a kernel of its own; end the "
                                  "fusion before this operation";
  if (auto top = dyn_cast<TopKOp>(op); top && takesLargestOfRows(body, top))
    return printTopK(body, top);
  return LoopPrinter(body, cast<LoopOpInterface>(op)).print();
}
