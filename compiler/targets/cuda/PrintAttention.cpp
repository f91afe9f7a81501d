// Attention over tensors: of encoders, and of decoders that are handed their cache.
#include "compiler/targets/cuda/KernelPrinter.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

static constexpr int64_t MaxWidth = 512; // of attention.cuh

namespace {
/// What the two operations have in common.
struct AttentionParts {
  std::string Query, Key, Value, Element, Output;
};
} // namespace

template <typename Op> static FailureOr<AttentionParts> readParts(const LaunchBody &body, Op op) {
  FailureOr<std::string> query = getParameter(body, op.getQuery()), key = getParameter(body, op.getKey()),
                         value = getParameter(body, op.getValue()), element = getElementType(op, op.getKey().getType()),
                         output = getElementType(op, body.getYielded()[0].getType());
  if (failed(query) || failed(key) || failed(value) || failed(element) || failed(output) ||
      failed(checkNoEpilogue(body)))
    return failure();
  for (Value tensor : {Value(op.getKey()), Value(op.getValue())})
    if (int64_t width = body.getMax(body.getDims(tensor).back()); width > MaxWidth)
      return op.emitOpError() << "has heads that are " << width << " wide, but its CUDA kernel takes up to " << MaxWidth
                              << "; compile for the CPU";
  return AttentionParts{*query, *key, *value, *element, *output};
}

static void setGeometry(TemplateUse &use, AffineExpr queries) {
  use.Header = "attention.cuh";
  use.Config = "one warp a query";
  use.Threads = 128;
  use.SharedBytes = 4 * MaxWidth * 4;
  use.Tiles = queries.ceilDiv(4);
}

static bool hasTiles(const LaunchBody &body) {
  auto variant = body.getLaunch().getKernel().getConfig().getAs<StringAttr>("variant");
  return variant && variant.getValue() == "tiles";
}

/// The templates on tensor cores: attention_tiles.cuh and attention_tiles_sm90.cuh have the same numbers. `mask` is
/// empty for ragged batches. Sets all but how many tiles there are, and returns the rows of one.
static int64_t useTiles(const LaunchBody &body, TemplateUse &use, const AttentionParts &parts, StringRef mask,
                        int64_t keyWidth, int64_t valueWidth) {
  constexpr int64_t Rows = 64;
  auto isPanels = [](int64_t width) { return width == 64 || width == 128; };
  bool warpgroups = body.getTarget() == HopperTarget && isPanels(keyWidth) && isPanels(valueWidth);
  if (warpgroups) {
    constexpr int64_t Keys = 128;
    use.Header = "attention_tiles_sm90.cuh";
    use.Config = llvm::formatv("warpgroups, {0} queries, {1} keys a step", Rows, Keys);
    use.SharedBytes = 2 * (Rows * keyWidth + Keys * (keyWidth + valueWidth));
  } else {
    constexpr int64_t Keys = 32, Stages = 4;
    auto rowBytes = [](int64_t width) { return (width / 8 | 1) * 16; };
    use.Header = "attention_tiles.cuh";
    use.Config = llvm::formatv("tiles of {0} queries, {1} keys a step", Rows, Keys);
    use.SharedBytes = Rows * rowBytes(keyWidth) + Stages * Keys * (rowBytes(keyWidth) + rowBytes(valueWidth));
  }
  use.MostResident = 4;
  use.Type = llvm::formatv("{0}AttentionTiles{1}<{2}, {3}{4}, {5}, {6}>", mask.empty() ? "Ragged" : "",
                           warpgroups ? "Sm90" : "", parts.Element, mask.empty() ? std::string() : (mask + ", ").str(),
                           parts.Output, keyWidth, valueWidth);
  return Rows;
}

/// Tiles of 64 queries, each against `keys`, some at a time. The softmax takes longest, not the products.
static void setTileWork(TemplateUse &use, AffineExpr keys) {
  static constexpr double OfScore = 40;
  static constexpr int64_t Rows = 64, Keys = 128;
  report::KernelWork work;
  work.ItemAccesses = 1;
  work.StepInstructions = double(Rows * Keys / use.Threads) * OfScore;
  work.StepThreads = use.Threads;
  work.InFlight = 1;
  use.setWork(work, use.Tiles, keys.ceilDiv(Keys));
}

/// An AttentionView of a dense tensor.
static std::string printView(ArrayRef<AffineExpr> dims, AttentionOp op) {
  SmallVector<AffineExpr> strides = getBroadcastStrides(dims, dims, op.getContext());
  return "{" + printSize(strides[0]) + ", " + printSize(strides[op.getHeadDim()]) + ", " +
         printSize(strides[op.getTokenDim()]) + "}";
}

FailureOr<TemplateUse> cuda::printAttention(const LaunchBody &body, AttentionOp op) {
  FailureOr<AttentionParts> parts = readParts(body, op);
  FailureOr<std::string> mask = op.getMask() ? getParameter(body, op.getMask()) : std::string("nullptr");
  FailureOr<std::string> maskElement = op.getMask() ? getElementType(op, op.getMask().getType()) : std::string("float");
  if (failed(parts) || failed(mask) || failed(maskElement))
    return failure();
  ArrayRef<AffineExpr> query = body.getDims(op.getQuery()), key = body.getDims(op.getKey()),
                       value = body.getDims(op.getValue());
  unsigned head = op.getHeadDim(), token = op.getTokenDim();
  SmallVector<AffineExpr> scores = {query[0], query[head], query[token], key[token]};
  SmallVector<AffineExpr> maskStrides(4, getAffineConstantExpr(0, op.getContext()));
  if (op.getMask())
    maskStrides = getBroadcastStrides(body.getDims(op.getMask()), scores, op.getContext());
  std::string maskView =
      "{" + printSize(maskStrides[0]) + ", " + printSize(maskStrides[1]) + ", " + printSize(maskStrides[2]) + "}";
  TemplateUse use;
  setGeometry(use, query[0] * query[head] * query[token]);
  use.Type = llvm::formatv("Attention<{0}, {1}, {2}>", parts->Element, *maskElement, parts->Output);
  if (hasTiles(body)) {
    int64_t rows = useTiles(body, use, *parts, *maskElement, op.getKey().getType().getDimSize(3),
                            op.getValue().getType().getDimSize(3));
    use.Tiles = query[0] * query[head] * query[token].ceilDiv(rows);
    setTileWork(use, key[token]);
  }
  use.Params = {{"Query", parts->Query},
                {"Key", parts->Key},
                {"Value", parts->Value},
                {"Mask", *mask},
                {"Out", "p" + std::to_string(body.getOutputPort(0))},
                {"Batches", printSize(query[0])},
                {"Heads", printSize(query[head])},
                {"KvHeads", printSize(key[head])},
                {"Tokens", printSize(query[token])},
                {"Keys", printSize(key[token])},
                {"KeyWidth", printSize(query[3])},
                {"ValueWidth", printSize(value[3])},
                {"QueryView", printView(query, op)},
                {"KeyView", printView(key, op)},
                {"ValueView", printView(value, op)},
                {"MaskView", maskView},
                {"OutView", printView(body.getDims(op.getResult()), op)},
                {"MaskKey", printSize(maskStrides[3])},
                {"Scale", printFloat(op.getScale().convertToFloat())},
                {"Causal", op.getCausal() ? "true" : "false"}};
  return use;
}

FailureOr<TemplateUse> cuda::printRaggedAttention(const LaunchBody &body, RaggedAttentionOp op) {
  FailureOr<AttentionParts> parts = readParts(body, op);
  FailureOr<std::string> offsets = getParameter(body, op.getRowOffsets());
  if (failed(parts) || failed(offsets))
    return failure();
  ArrayRef<AffineExpr> query = body.getDims(op.getQuery()), value = body.getDims(op.getValue());
  TemplateUse use;
  setGeometry(use, query[0] * query[1]);
  AffineExpr texts = body.getDim(op.getRowOffsets(), 0) - 1;
  use.Type = llvm::formatv("RaggedAttention<{0}, {1}>", parts->Element, parts->Output);
  if (hasTiles(body)) {
    int64_t rows =
        useTiles(body, use, *parts, "", op.getKey().getType().getDimSize(2), op.getValue().getType().getDimSize(2));
    use.Tiles = query[1] * (query[0].ceilDiv(rows) + texts);
    setTileWork(use, query[0].ceilDiv(texts)); // as if all texts were as long
  }
  use.Params = {{"Query", parts->Query},
                {"Key", parts->Key},
                {"Value", parts->Value},
                {"RowOffsets", *offsets},
                {"Out", "p" + std::to_string(body.getOutputPort(0))},
                {"Rows", printSize(query[0])},
                {"Texts", printSize(texts)},
                {"Heads", printSize(query[1])},
                {"KvHeads", printSize(value[1])},
                {"KeyWidth", printSize(query[2])},
                {"ValueWidth", printSize(value[2])},
                {"Scale", printFloat(op.getScale().convertToFloat())},
                {"Causal", op.getCausal() ? "true" : "false"}};
  return use;
}
