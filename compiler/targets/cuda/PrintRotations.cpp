// Rotation, alone and on the way into the KV cache.
#include "compiler/targets/cuda/PageShape.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

static constexpr int64_t MaxDimensions = 1024; // Rope::MaxDims

/// The parameter `Early` of a template that turns.
static StringRef getEarly(const LaunchBody &body, RopeOp op) {
  bool early = body.isNeverWritten(op.getPositions()) && (!op.getFactors() || body.isNeverWritten(op.getFactors()));
  return early ? ", true" : "";
}

/// Adds the parameters that say how to turn. Fails with a diagnostic.
static LogicalResult addRotation(const LaunchBody &body, RopeOp op, TemplateUse &use) {
  FailureOr<std::string> positions = getParameter(body, op.getPositions());
  FailureOr<std::string> factors = op.getFactors() ? getParameter(body, op.getFactors()) : std::string("nullptr");
  if (failed(positions) || failed(factors))
    return failure();
  if (op.getDimensions() > uint64_t(MaxDimensions))
    return op.emitOpError() << "rotates " << op.getDimensions() << " dimensions, but its CUDA kernel at most "
                            << MaxDimensions << "; compile for the CPU";
  use.Params.insert(use.Params.end(), {{"PositionStride", printSize(body.getDim(op.getPositions(), 1))},
                                       {"Base", printFloat(op.getBase().convertToFloat())},
                                       {"PositionScale", "1.0f"},
                                       {"Magnitude", printFloat(op.getMagnitude().convertToFloat())}});
  // In both templates pointers stand before the sizes, and those before the distances of tokens.
  auto insertBefore = [&](StringRef prefix, ArrayRef<std::pair<std::string, std::string>> members) {
    auto place = llvm::find_if(use.Params, [&](const auto &m) { return StringRef(m.first).starts_with(prefix); });
    use.Params.insert(place, members.begin(), members.end());
  };
  insertBefore("Tokens", {{"Positions", *positions}, {"Factors", *factors}});
  insertBefore("Ld", {{"Dims", std::to_string(op.getDimensions())}});
  use.Threads = 256;
  use.SharedBytes = MaxDimensions * 4;
  return success();
}

/// A token's angles, in f64, and then as many pairs at a time as there are threads.
static void setRotationWork(ArrayRef<AffineExpr> dims, TemplateUse &use) {
  static constexpr double OfAngle = 250, OfPair = 25;
  use.MostResident = 6;
  report::KernelWork work;
  work.StepOtherBytes = double(use.Threads * 2 * (2 + 4)); // a pair of 16 bits each or more, in and out
  work.InFlight = 8;
  work.ItemAccesses = 2;
  work.ItemInstructions = OfAngle;
  work.StepInstructions = OfPair;
  work.StepThreads = use.Threads;
  use.setWork(work, dims[0], (dims[1] * dims[2]).ceilDiv(use.Threads * 2));
}

FailureOr<TemplateUse> cuda::printRope(const LaunchBody &body, RopeOp op) {
  FailureOr<std::string> x = getParameter(body, op.getInput());
  FailureOr<std::string> input = getElementType(op, op.getInput().getType()),
                         output = getElementType(op, body.getYielded()[0].getType());
  if (failed(x) || failed(input) || failed(output) || failed(checkNoEpilogue(body)))
    return failure();
  ArrayRef<AffineExpr> dims = body.getDims(op.getInput());
  std::string stride = printSize(dims[1] * dims[2]);
  TemplateUse use;
  use.Header = "rope.cuh";
  use.Type = llvm::formatv("Rope<{0}, {1}, Pairing::{2}{3}>", *input, *output, getPairing(op), getEarly(body, op));
  use.Config = "one block a token";
  use.Params = {{"X", *x},
                {"Out", "p" + std::to_string(body.getOutputPort(0))},
                {"Tokens", printSize(dims[0])},
                {"Heads", printSize(dims[1])},
                {"Width", printSize(dims[2])},
                {"LdX", stride},
                {"LdOut", stride}};
  if (failed(addRotation(body, op, use)))
    return failure();
  use.Tiles = dims[0];
  setRotationWork(dims, use);
  return use;
}

FailureOr<TemplateUse> cuda::printAppendKv(const LaunchBody &body, AppendKvOp op) {
  // Keys that are rotated in the same launch are read before that.
  auto rope = body.getRoots().size() == 2 ? cast<RopeOp>(body.getRoots()[0]) : RopeOp();
  Value keys = rope ? rope.getInput() : op.getKey();
  FailureOr<std::string> key = getParameter(body, keys), value = getParameter(body, op.getValue()),
                         slots = getParameter(body, op.getSlots());
  FailureOr<std::string> input = getElementType(op, keys.getType()),
                         valueInput = getElementType(op, op.getValue().getType()),
                         element = getMemoryType(op, op.getState().getType());
  if (failed(key) || failed(value) || failed(slots) || failed(input) || failed(valueInput) || failed(element) ||
      failed(getParameter(body, op.getState())) || failed(checkNoEpilogue(body)))
    return failure();
  if (*input != *valueInput)
    return op.emitOpError() << "has keys of type " << keys.getType() << " and values of type "
                            << op.getValue().getType() << ", but its CUDA kernel takes one element type";
  ArrayRef<AffineExpr> dims = body.getDims(op.getKey());
  auto keyType = op.getKey().getType();
  PageShape shape(op.getState().getType(), keyType.getDimSize(1), keyType.getDimSize(2),
                  op.getValue().getType().getDimSize(2));
  TemplateUse use;
  use.Header = "append_kv.cuh";
  use.Config = "one block a token";
  use.Params = {{"K", *key},
                {"V", *value},
                {"Pool", "p" + std::to_string(body.getOutputPort(0))},
                {"Slots", *slots},
                {"Tokens", printSize(dims[0])},
                {"LdK", std::to_string(shape.KvHeads * shape.KeyWidth)},
                {"LdV", std::to_string(shape.KvHeads * shape.ValueWidth)}};
  shape.addPlace(use, op.getLayer());
  use.Threads = 128;
  use.Tiles = dims[0];
  std::string types = llvm::formatv("{0}, {1}, {2}", *input, *element, shape.print());
  if (!rope) {
    use.Type = "AppendKv<" + types + ">";
    return use;
  }
  use.Type = llvm::formatv("AppendRotatedKv<{0}, Pairing::{1}{2}>", types, getPairing(rope), getEarly(body, rope));
  if (failed(addRotation(body, rope, use)))
    return failure();
  setRotationWork(dims, use);
  return use;
}
