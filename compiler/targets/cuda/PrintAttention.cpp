// Attention over tensors: of encoders, and of decoders that are handed their cache.
#include "compiler/targets/cuda/KernelPrinter.h"
#include "compiler/targets/cuda/LaunchStep.h"

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

namespace {
/// What attention on tensor cores is of.
struct TileShape {
  Type Element;
  bool Causal;
  StringRef Mask; ///< its element type; empty for ragged batches
  int64_t KeyWidth, ValueWidth;
  AffineExpr Heads, Queries, Texts; ///< a text's queries, or of a ragged batch all of them
  AffineExpr Keys;                  ///< of a text
};
} // namespace

/// Queries of a tile of attention_tiles.cuh and attention_tiles_sm90.cuh.
static constexpr int64_t TileRows = 64;

/// Tiles of 64 queries, each against `keys`, some at a time. The softmax takes longest, not the products.
static void setTileWork(TemplateUse &use, AffineExpr keys) {
  static constexpr double OfScore = 40;
  static constexpr int64_t Keys = 128;
  report::KernelWork work;
  work.ItemAccesses = 1;
  work.StepInstructions = double(TileRows * Keys / use.Threads) * OfScore;
  work.StepThreads = use.Threads;
  work.InFlight = 1;
  use.setWork(work, use.Tiles, keys.ceilDiv(Keys));
}

/// attention_tiles.cuh and attention_tiles_sm90.cuh have the same numbers.
static TemplateUse useTiles(const AttentionParts &parts, const TileShape &shape, bool warpgroups, TemplateUse use) {
  if (warpgroups) {
    constexpr int64_t Keys = 128;
    use.Header = "attention_tiles_sm90.cuh";
    use.Config = llvm::formatv("warpgroups, {0} queries, {1} keys a step", TileRows, Keys);
    use.SharedBytes = 2 * (TileRows * shape.KeyWidth + Keys * (shape.KeyWidth + shape.ValueWidth));
  } else {
    constexpr int64_t Keys = 32, Stages = 4;
    auto rowBytes = [](int64_t width) { return (width / 8 | 1) * 16; };
    use.Header = "attention_tiles.cuh";
    use.Config = llvm::formatv("tiles of {0} queries, {1} keys a step", TileRows, Keys);
    use.SharedBytes =
        TileRows * rowBytes(shape.KeyWidth) + Stages * Keys * (rowBytes(shape.KeyWidth) + rowBytes(shape.ValueWidth));
  }
  use.MostResident = 4;
  bool ragged = shape.Mask.empty();
  use.Type = llvm::formatv("{0}AttentionTiles{1}<{2}, {3}{4}, {5}, {6}>", ragged ? "Ragged" : "",
                           warpgroups ? "Sm90" : "", parts.Element, ragged ? std::string() : (shape.Mask + ", ").str(),
                           parts.Output, shape.KeyWidth, shape.ValueWidth);
  AffineExpr tiles = shape.Queries.ceilDiv(TileRows);
  use.Tiles = ragged ? shape.Heads * (tiles + shape.Texts) : shape.Texts * shape.Heads * tiles;
  setTileWork(use, shape.Keys);
  return use;
}

/// The templates on tensor cores: where they are expected to take as long, that of warpgroups was the faster one.
static TemplateUse chooseTiles(const LaunchBody &body, const AttentionParts &parts, const TileShape &shape,
                               const TemplateUse &use) {
  auto isPanels = [](int64_t width) { return width == 64 || width == 128; };
  bool warpgroups = body.getTarget() == HopperTarget && isPanels(shape.KeyWidth) && isPanels(shape.ValueWidth);
  if (!warpgroups)
    return useTiles(parts, shape, false, use);
  LaunchStep step(body);
  std::string key;
  llvm::raw_string_ostream(key) << "attention " << shape.Element << ": " << (shape.Mask.empty() ? "ragged, " : "")
                                << step.evaluate(shape.Queries) << " queries of " << step.evaluate(shape.Texts)
                                << " texts, " << step.evaluate(shape.Keys) << " keys each, "
                                << step.evaluate(shape.Heads) << " heads of " << shape.KeyWidth << " and "
                                << shape.ValueWidth << (shape.Causal ? ", causal" : "");
  return chooseUse(body, key, {useTiles(parts, shape, true, use), useTiles(parts, shape, false, use)});
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
  if (hasTiles(body))
    use = chooseTiles(body, *parts,
                      {op.getKey().getType().getElementType(), op.getCausal(), *maskElement,
                       op.getKey().getType().getDimSize(3), op.getValue().getType().getDimSize(3), query[head],
                       query[token], query[0], key[token]},
                      use);
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
  if (hasTiles(body)) // as if all texts were as long
    use = chooseTiles(body, *parts,
                      {op.getKey().getType().getElementType(), op.getCausal(), "", op.getKey().getType().getDimSize(2),
                       op.getValue().getType().getDimSize(2), query[1], query[0], texts, query[0].ceilDiv(texts)},
                      use);
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
