// The meaning of Attention.td: angles, scores and sums in f64.
#include "dialects/lathe/reference/Evaluator.h"
#include <cmath>

using namespace mlir;
using namespace lathe;

LogicalResult RopeOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &input = operands[0], &positions = operands[1];
  int64_t tokens = input.getShape()[0], heads = input.getShape()[1], width = input.getShape()[2];
  int64_t dimensions = getDimensions(), pairs = dimensions / 2, perToken = positions.getShape()[1];
  if (positions.getShape()[0] != tokens)
    return emitOpError() << "positions has " << positions.getShape()[0] << " rows but the input has " << tokens
                         << " tokens";
  if (getFactors() && operands[2].getNumElements() != pairs)
    return emitOpError() << "factors has " << operands[2].getNumElements() << " elements but " << pairs
                         << " pairs are rotated";
  bool adjacent = getPairing() == RopePairing::Adjacent;
  double base = getBase().convertToFloat(), magnitude = getMagnitude().convertToFloat();
  ReferenceValue result = roundToStored(input, getEvaluatedElementType(getResult()));
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t i = 0; i < pairs; ++i) {
      double factor = getFactors() ? operands[2].getFloat(i) : 1;
      double angle = positions.getInt(t * perToken) * std::pow(base, -2.0 * i / dimensions) / factor;
      double sine = magnitude * std::sin(angle), cosine = magnitude * std::cos(angle);
      for (int64_t h = 0; h < heads; ++h) {
        int64_t head = (t * heads + h) * width;
        int64_t first = head + (adjacent ? 2 * i : i), second = head + (adjacent ? 2 * i + 1 : i + pairs);
        double a = input.getFloat(first), b = input.getFloat(second);
        result.setFloat(first, a * cosine - b * sine);
        result.setFloat(second, a * sine + b * cosine);
      }
    }
  results.push_back(std::move(result));
  return success();
}

namespace {
/// Where the keys and values of one layer lie in a pool of pages.
struct PagedLayer {
  StateType State;
  int64_t Layer, KeyWidth;

  int64_t keyOffset(int64_t page, int64_t place, int64_t head) const {
    return blockOffset(page) + (head * StateType::PageTokens + place) * keyBytes();
  }
  int64_t valueOffset(int64_t page, int64_t place, int64_t head) const {
    int64_t keys = State.getShape()[1] * StateType::PageTokens * keyBytes();
    return blockOffset(page) + keys + (head * StateType::PageTokens + place) * valueBytes();
  }
  // Of one head and token.
  int64_t keyBytes() const { return getRowBytes(State.getElement(), KeyWidth); }
  int64_t valueBytes() const { return getRowBytes(State.getElement(), State.getShape()[2] - KeyWidth); }

private:
  int64_t blockOffset(int64_t page) const {
    return page * State.getUnitBytes() + Layer * (State.getUnitBytes() / State.getShape()[0]);
  }
};
} // namespace

/// Row `row` of the last dimension.
static std::vector<double> getRow(const ReferenceValue &value, int64_t row) {
  int64_t width = value.getShape().back();
  std::vector<double> elements(width);
  for (int64_t i = 0; i < width; ++i)
    elements[i] = value.getFloat(row * width + i);
  return elements;
}

LogicalResult AppendKvOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &key = operands[0], &value = operands[1], &slots = operands[3];
  StateType state = getState().getType();
  int64_t tokens = key.getShape()[0], heads = key.getShape()[1];
  int64_t keyWidth = key.getShape()[2];
  if (value.getShape()[0] != tokens || slots.getNumElements() != tokens)
    return emitOpError() << "key has " << tokens << " tokens, value " << value.getShape()[0] << " and slots "
                         << slots.getNumElements() << ", needed as many of each";
  PagedLayer layer{state, int64_t(getLayer()), keyWidth};
  ReferenceValue result = operands[2];
  MutableArrayRef<uint8_t> pool = result.mutableBytes();
  int64_t count = pool.size() / state.getUnitBytes() * StateType::PageTokens;
  for (int64_t t = 0; t < tokens; ++t) {
    int64_t slot = slots.getInt(t);
    if (slot == -1)
      continue;
    if (slot < 0 || slot >= count)
      return emitOpError() << "slot of token " << t << " is " << slot << " but the state has " << count << " slots";
    int64_t page = slot / StateType::PageTokens, place = slot % StateType::PageTokens;
    for (int64_t h = 0; h < heads; ++h) {
      storeElements(state.getElement(), getRow(key, t * heads + h),
                    pool.slice(layer.keyOffset(page, place, h), layer.keyBytes()));
      storeElements(state.getElement(), getRow(value, t * heads + h),
                    pool.slice(layer.valueOffset(page, place, h), layer.valueBytes()));
    }
  }
  results.push_back(std::move(result));
  return success();
}

namespace {
/// One evaluation of paged attention: its operands, unpacked as far as all rows share them.
struct PagedAttention {
  const ReferenceValue &Query, &State, &Tables, *Sinks;
  PagedLayer Layer;
  double Scale, Cap;
  int64_t Window;

  /// Writes the result of head `head` of token row `row`, which stands at `position` of sequence `sequence`.
  void evaluateHead(int64_t sequence, int64_t row, int64_t position, int64_t head, ReferenceValue &result) const;
};
} // namespace

void PagedAttention::evaluateHead(int64_t sequence, int64_t row, int64_t position, int64_t head,
                                  ReferenceValue &result) const {
  Type element = Layer.State.getElement();
  int64_t heads = Query.getShape()[1], keyWidth = Query.getShape()[2], valueWidth = result.getShape()[2];
  int64_t keyHead = head * Layer.State.getShape()[1] / heads;
  int64_t first = Window ? std::max<int64_t>(0, position - Window + 1) : 0;
  auto findPage = [&](int64_t j) { return Tables.getInt(sequence * Tables.getShape()[1] + j / StateType::PageTokens); };
  auto loadValue = [&](int64_t j) {
    int64_t offset = Layer.valueOffset(findPage(j), j % StateType::PageTokens, keyHead);
    return loadElements(element, State.getBytes().slice(offset, Layer.valueBytes()));
  };
  std::vector<double> scores;
  for (int64_t j = first; j <= position; ++j) {
    int64_t offset = Layer.keyOffset(findPage(j), j % StateType::PageTokens, keyHead);
    std::vector<double> key = loadElements(element, State.getBytes().slice(offset, Layer.keyBytes()));
    if (Layer.KeyWidth < keyWidth) { // it begins with its value
      std::vector<double> value = loadValue(j);
      key.insert(key.begin(), value.begin(), value.end());
    }
    double dot = 0;
    for (int64_t i = 0; i < keyWidth; ++i)
      dot += Query.getFloat((row * heads + head) * keyWidth + i) * key[i];
    scores.push_back(Cap ? Cap * std::tanh(Scale * dot / Cap) : Scale * dot);
  }
  double sink = Sinks ? Sinks->getFloat(head) : -INFINITY;
  double largest = std::max(sink, *llvm::max_element(scores)), sum = std::exp(sink - largest);
  for (double &score : scores)
    sum += score = std::exp(score - largest);
  std::vector<double> values(valueWidth);
  for (int64_t j = first; j <= position; ++j) {
    std::vector<double> value = loadValue(j);
    for (int64_t i = 0; i < valueWidth; ++i)
      values[i] += scores[j - first] / sum * value[i];
  }
  for (int64_t i = 0; i < valueWidth; ++i)
    result.setFloat((row * heads + head) * valueWidth + i, values[i]);
}

/// Checks that sequence `sequence` owns rows of the query and that its table names pages of the pool.
static LogicalResult checkSequence(PagedAttentionOp op, ArrayRef<ReferenceValue> operands, int64_t sequence) {
  const ReferenceValue &offsets = operands[2], &lengths = operands[3], &tables = operands[4];
  int64_t begin = offsets.getInt(sequence), end = offsets.getInt(sequence + 1), tokens = operands[0].getShape()[0];
  if (begin < 0 || end < begin || end > tokens)
    return op.emitOpError() << "sequence " << sequence << " owns rows " << begin << " to " << end
                            << " but the query has " << tokens << " rows";
  int64_t length = lengths.getInt(sequence), capacity = tables.getShape()[1] * StateType::PageTokens;
  if (length == 0)
    return success();
  if (length < end - begin || length > capacity)
    return op.emitOpError() << "sequence " << sequence << " is " << length << " tokens long but owns " << end - begin
                            << " rows, and its table holds " << capacity << " tokens";
  int64_t pages = operands[1].getBytes().size() / op.getState().getType().getUnitBytes();
  int64_t window = op.getVisibleTokens();
  // Pages in front of the window may have gone back to the pool.
  int64_t first = window ? std::max<int64_t>(0, length - (end - begin) - window + 1) : 0;
  for (int64_t i = first / StateType::PageTokens; i * StateType::PageTokens < length; ++i) {
    int64_t page = tables.getInt(sequence * tables.getShape()[1] + i);
    if (page < 0 || page >= pages)
      return op.emitOpError() << "page " << i << " of sequence " << sequence << " is " << page << " but the state has "
                              << pages << " pages";
  }
  return success();
}

LogicalResult PagedAttentionOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &query = operands[0], &offsets = operands[2], &lengths = operands[3];
  StateType state = getState().getType();
  int64_t sequences = lengths.getNumElements(), heads = query.getShape()[1];
  int64_t valueWidth = getResult().getType().getDimSize(2);
  if (offsets.getNumElements() != sequences + 1 || operands[4].getShape()[0] != sequences)
    return emitOpError() << "row_offsets has " << offsets.getNumElements() << " elements, lengths " << sequences
                         << " and block_tables " << operands[4].getShape()[0]
                         << " rows, needed [S + 1], [S] and [S, B]";
  PagedAttention attention{query,
                           operands[1],
                           operands[4],
                           getSinks() ? &operands[5] : nullptr,
                           PagedLayer{state, int64_t(getLayer()), state.getShape()[2] - valueWidth},
                           getScale().convertToFloat(),
                           getCap().convertToFloat(),
                           getVisibleTokens()};
  ReferenceValue result =
      ReferenceValue::tensor(getEvaluatedElementType(getResult()), {query.getShape()[0], heads, valueWidth});
  for (int64_t s = 0; s < sequences; ++s) {
    if (failed(checkSequence(*this, operands, s)))
      return failure();
    int64_t length = lengths.getInt(s), end = offsets.getInt(s + 1);
    for (int64_t row = offsets.getInt(s); length && row < end; ++row)
      for (int64_t h = 0; h < heads; ++h)
        attention.evaluateHead(s, row, length - (end - row), h, result);
  }
  results.push_back(std::move(result));
  return success();
}

namespace {
/// Where the elements of a tensor of four dimensions lie: batch, head, token, element. Steps of 0 repeat.
struct HeadStrides {
  std::array<int64_t, 4> strides;
  int64_t start = 0;

  /// Of a tensor that has its heads at dimension `head` and its tokens at the other of 1 and 2.
  HeadStrides(ArrayRef<int64_t> shape, unsigned head) {
    int64_t inner = shape[3], middle = shape[2] * inner;
    strides = {shape[1] * middle, head == 1 ? middle : inner, head == 1 ? inner : middle, 1};
  }
  /// The same with tokens counted from `token` on.
  HeadStrides from(int64_t token) const {
    HeadStrides later = *this;
    later.start += token * strides[2];
    return later;
  }
  static HeadStrides ofMask(ArrayRef<int64_t> shape) {
    HeadStrides mask(shape, 1);
    for (auto [stride, size] : llvm::zip(mask.strides, shape))
      stride = size == 1 ? 0 : stride;
    return mask;
  }
  int64_t operator()(int64_t batch, int64_t head, int64_t token, int64_t element = 0) const {
    return start + batch * strides[0] + head * strides[1] + token * strides[2] + element * strides[3];
  }
};

/// Dense attention: its operands and where their rows are.
struct DenseAttention {
  const ReferenceValue &Query, &Key, &Value, *Mask;
  HeadStrides Queries, Keys, Values, Masks;
  int64_t Width;
  double Scale;

  /// Weights of the first `seen` keys for one query, which sum to 1, or all 0.
  std::vector<double> weigh(int64_t batch, int64_t head, int64_t keyHead, int64_t token, int64_t seen) const;
};
} // namespace

std::vector<double> DenseAttention::weigh(int64_t batch, int64_t head, int64_t keyHead, int64_t token,
                                          int64_t seen) const {
  std::vector<double> scores;
  for (int64_t s = 0; s < seen; ++s) {
    double dot = 0;
    for (int64_t i = 0; i < Width; ++i)
      dot += Query.getFloat(Queries(batch, head, token, i)) * Key.getFloat(Keys(batch, keyHead, s, i));
    scores.push_back(Scale * dot + (Mask ? Mask->getFloat(Masks(batch, head, token, s)) : 0));
  }
  double largest = -INFINITY, sum = 0;
  for (double score : scores)
    largest = std::max(largest, score);
  for (double &score : scores)
    sum += score = largest == -INFINITY ? 0 : std::exp(score - largest);
  for (double &score : scores)
    score = largest == -INFINITY ? 0 : score / sum;
  return scores;
}

LogicalResult AttentionOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  unsigned head = getHeadDim(), token = getTokenDim();
  ArrayRef<int64_t> query = operands[0].getShape(), key = operands[1].getShape(), value = operands[2].getShape();
  const ReferenceValue *mask = getMask() ? &operands[3] : nullptr;
  if (query[0] != key[0] || query[3] != key[3] || key.drop_back() != value.drop_back() || key[head] == 0 ||
      query[head] % key[head] != 0)
    return emitOpError() << "query is " << formatShape(query) << ", key " << formatShape(key) << " and value "
                         << formatShape(value) << ", which do not fit";
  SmallVector<int64_t> shape(query);
  shape[3] = value[3];
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), shape);
  HeadStrides masks = mask ? HeadStrides::ofMask(mask->getShape()) : HeadStrides({0, 0, 0, 0}, 1);
  DenseAttention attention{operands[0],
                           operands[1],
                           operands[2],
                           mask,
                           HeadStrides(query, head),
                           HeadStrides(key, head),
                           HeadStrides(value, head),
                           masks,
                           query[3],
                           getScale().convertToFloat()};
  HeadStrides places(shape, head);
  for (int64_t b = 0; b < query[0]; ++b)
    for (int64_t h = 0; h < query[head]; ++h)
      for (int64_t t = 0; t < query[token]; ++t) {
        int64_t group = h * key[head] / query[head], last = t + key[token] - query[token] + 1;
        int64_t seen = getCausal() ? std::clamp<int64_t>(last, 0, key[token]) : key[token];
        std::vector<double> weights = attention.weigh(b, h, group, t, seen);
        for (int64_t i = 0; i < value[3]; ++i) {
          double sum = 0;
          for (int64_t s = 0; s < seen; ++s)
            sum += weights[s] * operands[2].getFloat(attention.Values(b, group, s, i));
          result.setFloat(places(b, h, t, i), sum);
        }
      }
  results.push_back(std::move(result));
  return success();
}

LogicalResult RaggedAttentionOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &query = operands[0], &key = operands[1], &value = operands[2], &offsets = operands[3];
  int64_t rows = query.getShape()[0], heads = query.getShape()[1], valueWidth = value.getShape()[2];
  int64_t keyHeads = key.getShape()[1], texts = offsets.getNumElements() - 1;
  if (key.getShape()[0] != rows || value.getShape()[0] != rows || value.getShape()[1] != keyHeads || keyHeads == 0 ||
      key.getShape()[2] != query.getShape()[2] || heads % keyHeads != 0)
    return emitOpError() << "query is " << formatShape(query.getShape()) << ", key " << formatShape(key.getShape())
                         << " and value " << formatShape(value.getShape()) << ", which do not fit";
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), {rows, heads, valueWidth});
  // A batch of one; [T, H, D] has its heads second.
  auto strides = [](const ReferenceValue &tensor) {
    return HeadStrides({1, tensor.getShape()[0], tensor.getShape()[1], tensor.getShape()[2]}, 2);
  };
  for (int64_t s = 0; s < texts; ++s) {
    int64_t begin = offsets.getInt(s), end = offsets.getInt(s + 1);
    if (begin < 0 || end < begin || end > rows)
      return emitOpError() << "text " << s << " owns rows " << begin << " to " << end << " but the query has " << rows
                           << " rows";
    DenseAttention attention{query,
                             key,
                             value,
                             nullptr,
                             strides(query),
                             strides(key).from(begin),
                             strides(value),
                             HeadStrides({0, 0, 0, 0}, 1),
                             query.getShape()[2],
                             getScale().convertToFloat()};
    for (int64_t row = begin; row < end; ++row)
      for (int64_t h = 0; h < heads; ++h) {
        int64_t group = h * keyHeads / heads, seen = (getCausal() ? row + 1 : end) - begin;
        std::vector<double> weights = attention.weigh(0, h, group, row, seen);
        for (int64_t i = 0; i < valueWidth; ++i) {
          double sum = 0;
          for (int64_t j = 0; j < seen; ++j)
            sum += weights[j] * value.getFloat(((begin + j) * keyHeads + group) * valueWidth + i);
          result.setFloat((row * heads + h) * valueWidth + i, sum);
        }
      }
  }
  results.push_back(std::move(result));
  return success();
}
