#include "compiler/targets/cuda/LaunchStep.h"
#include "dialects/lathe/Bounds.h"
#include <numeric>
#include <random>

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

template <typename Op> static Op findRoot(const LaunchBody &body) {
  for (Operation *root : body.getRoots())
    if (auto op = dyn_cast<Op>(root))
      return op;
  return {};
}

LaunchStep::LaunchStep(const LaunchBody &body) : Body(body) {
  for (unsigned i = 0; i < body.getNumDims(); ++i)
    Sizes.push_back(body.getMax(getAffineSymbolExpr(i, body.getLaunch().getContext())));
  if (auto paged = findRoot<PagedAttentionOp>(body))
    chooseSizes(paged);
  else if (auto ragged = findRoot<RaggedAttentionOp>(body))
    chooseSizes(ragged);
}

int64_t LaunchStep::evaluate(AffineExpr expression) const { return evaluateSize(expression, Sizes); }

/// What is no size of its own stays as it is.
void LaunchStep::setSize(AffineExpr dim, int64_t value) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
    Sizes[symbol.getPosition()] = value;
}

void LaunchStep::chooseSizes(PagedAttentionOp op) {
  int64_t tokens = evaluate(Body.getDim(op.getQuery(), 0)), room = evaluate(Body.getDim(op.getBlockTables(), 1));
  int64_t texts = tokens <= MostSingleRows ? tokens : llvm::divideCeil(tokens, room * StateType::PageTokens);
  texts = std::min(texts, evaluate(Body.getDim(op.getLengths(), 0)));
  setSize(Body.getDim(op.getLengths(), 0), texts);
  setSize(Body.getDim(op.getRowOffsets(), 0), texts + 1);
}

void LaunchStep::chooseSizes(RaggedAttentionOp op) {
  static constexpr int64_t UsualTokens = 512;
  AffineExpr offsets = Body.getDim(op.getRowOffsets(), 0);
  int64_t texts = llvm::divideCeil(evaluate(Body.getDim(op.getQuery(), 0)), UsualTokens);
  setSize(offsets, std::min(texts + 1, evaluate(offsets)));
}

void LaunchStep::hold(Value input, ArrayRef<std::vector<int64_t>> buffers) {
  Type element = cast<RankedTensorType>(input.getType()).getElementType();
  for (const std::vector<int64_t> &numbers : buffers) {
    std::string &bytes = Contents[input].emplace_back();
    for (int64_t number : numbers) {
      float real = float(number);
      const void *from = isa<FloatType>(element) ? static_cast<const void *>(&real) : &number; // of either width
      bytes.append(static_cast<const char *>(from), element.getIntOrFloatBitWidth() / 8);
    }
  }
}

/// The tokens are dealt out evenly.
static std::vector<int64_t> divideTokens(int64_t tokens, int64_t texts) {
  std::vector<int64_t> offsets;
  for (int64_t text = 0; text <= texts; ++text)
    offsets.push_back(tokens * text / texts);
  return offsets;
}

void LaunchStep::fillOffsets(Value offsets) {
  auto ragged = findRoot<RaggedAttentionOp>(Body);
  hold(offsets, {divideTokens(evaluate(Body.getDim(ragged.getQuery(), 0)), evaluate(Body.getDim(offsets, 0)) - 1)});
}

/// Tables that name pages from all over the pool, no page twice while there are enough, and what follows from them.
void LaunchStep::fillPages(PagedAttentionOp op, int64_t freeBytes) {
  static constexpr int64_t CachedBytes = 192 << 20, MostLaunches = 96, MostTables = 16,
                           PageTokens = StateType::PageTokens;
  StateType state = op.getState().getType();
  int64_t tokens = evaluate(Body.getDim(op.getQuery(), 0)), texts = evaluate(Body.getDim(op.getLengths(), 0)),
          pages = evaluate(Body.getDim(op.getBlockTables(), 1)), all = texts * pages;
  Layers = state.getShape()[0];
  Launches =
      std::clamp<int64_t>(CachedBytes / std::max<int64_t>(all * state.getUnitBytes() / Layers, 1), 1, MostLaunches);
  int64_t most = std::max<int64_t>(freeBytes / state.getUnitBytes(), 1);
  int64_t copies =
      std::clamp<int64_t>(std::min<int64_t>(llvm::divideCeil(Launches, Layers), most / all), 1, MostTables);
  PoolPages = std::min(most, copies * all);
  std::vector<int64_t> order(PoolPages);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  std::vector<int64_t> offsets = divideTokens(tokens, texts), lengths(texts, pages * PageTokens), positions;
  std::vector<std::vector<int64_t>> tables(copies), slots(copies);
  for (int64_t copy = 0; copy < copies; ++copy)
    for (int64_t page = 0; page < all; ++page)
      tables[copy].push_back(order[(copy * all + page) % PoolPages]);
  for (int64_t text = 0; text < texts; ++text)
    for (int64_t token = offsets[text]; token < offsets[text + 1]; ++token) {
      int64_t position = std::max<int64_t>(pages * PageTokens - (offsets[text + 1] - token), 0);
      positions.push_back(position);
      for (int64_t copy = 0; copy < copies; ++copy)
        slots[copy].push_back(tables[copy][text * pages + position / PageTokens] * PageTokens + position % PageTokens);
    }
  hold(op.getRowOffsets(), {offsets});
  hold(op.getLengths(), {lengths});
  hold(op.getBlockTables(), tables);
  for (Operation *root : Body.getRoots()) {
    if (auto append = dyn_cast<AppendKvOp>(root); append && isa<BlockArgument>(append.getSlots()))
      hold(append.getSlots(), slots);
    auto rope = dyn_cast<RopeOp>(root);
    if (!rope || Contents.count(rope.getPositions()))
      continue;
    std::vector<int64_t> each; // places of a token are the same
    for (int64_t position : positions)
      each.insert(each.end(), evaluate(Body.getDim(rope.getPositions(), 1)), position);
    hold(rope.getPositions(), {each});
    if (rope.getFactors())
      hold(rope.getFactors(), {std::vector<int64_t>(evaluate(Body.getDim(rope.getFactors(), 0)), 1)});
  }
}

bool LaunchStep::fill(int64_t freeBytes) {
  if (auto paged = findRoot<PagedAttentionOp>(Body))
    fillPages(paged, freeBytes);
  else if (auto ragged = findRoot<RaggedAttentionOp>(Body))
    fillOffsets(ragged.getRowOffsets());
  return llvm::all_of(Body.getPortTypes(), [](Type type) { return isa<RankedTensorType, StateType>(type); }) &&
         llvm::all_of(Body.getBlock().getArguments(), [&](BlockArgument input) {
           auto type = dyn_cast<RankedTensorType>(input.getType());
           return type ? !type.getElementType().isInteger() || Contents.count(input) : Layers > 0;
         });
}

int64_t LaunchStep::countBytes(Value port) const {
  if (auto state = dyn_cast<StateType>(port.getType()))
    return PoolPages * state.getUnitBytes();
  auto type = cast<RankedTensorType>(port.getType());
  int64_t elements = evaluate(LaunchBody::getProduct(Body.getDims(port), type.getContext()));
  if (auto quantized = dyn_cast<QuantizedTypeInterface>(type.getElementType())) {
    auto [rows, columns] = quantized.getBlockShape();
    return llvm::divideCeil(elements, rows * columns) * quantized.getBlockBytes();
  }
  return elements * getElementBytes(type.getElementType());
}
