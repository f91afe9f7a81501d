// Operators that choose and arrange elements, on tensors whose elements are known while importing.
#include "frontends/onnx/ops/Known.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

bool lathe::onnx::nextIndex(ArrayRef<int64_t> shape, MutableArrayRef<int64_t> index) {
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (++index[axis] < shape[axis])
      return true;
    index[axis] = 0;
  }
  return false;
}

/// Elements of a shape; nothing if there are more than are worth knowing.
static std::optional<int64_t> countElements(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0 || (size > 0 && count > MaximumKnownElements / size))
      return std::nullopt;
    count *= size;
  }
  return count;
}

LogicalResult lathe::onnx::setGathered(NodeImporter &node, size_t output, const KnownTensor &input,
                                       SmallVector<int64_t> shape,
                                       llvm::function_ref<int64_t(ArrayRef<int64_t>)> position) {
  std::optional<int64_t> count = countElements(shape);
  if (!count)
    return failure();
  KnownTensor result{input.type, std::move(shape), {}};
  SmallVector<int64_t> index(result.shape.size());
  for (int64_t i = 0; i < *count; ++i, nextIndex(result.shape, index)) {
    int64_t from = position(index);
    if (from < 0 || from >= int64_t(input.elements.size()))
      return failure();
    result.elements.push_back(input.elements[from]);
  }
  node.setOutput(output, std::move(result));
  return success();
}

int64_t lathe::onnx::offsetOf(ArrayRef<int64_t> shape, ArrayRef<int64_t> index) {
  int64_t offset = 0;
  for (auto [size, at] : llvm::zip_equal(shape, index))
    offset = offset * size + at;
  return offset;
}

/// The integers of a small constant; nothing otherwise.
static std::optional<SmallVector<int64_t>> constants(NodeImporter &node, size_t index) {
  const KnownTensor *known = node.knownInput(index);
  if (!known || known->shape.size() > 1)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (const Element &element : known->elements) {
    if (!element.constantInt())
      return std::nullopt;
    values.push_back(*element.constantInt());
  }
  return values;
}

/// Integers of an attribute or of an input, as the version has them; nothing where they are not known.
static std::optional<SmallVector<int64_t>> parameter(NodeImporter &node, StringRef name, size_t index) {
  if (std::optional<ArrayRef<int64_t>> given = node.intsAttribute(name))
    return SmallVector<int64_t>(*given);
  return constants(node, index);
}

LogicalResult lathe::onnx::evaluateIdentity(NodeImporter &node) {
  return node.inputValue(0) ? node.forwardInput(0) : failure();
}

LogicalResult lathe::onnx::evaluateShape(NodeImporter &node) {
  int64_t start = node.intAttribute("start", 0), end = node.intAttribute("end", INT64_MAX);
  FailureOr<DimList> dims = node.inputDims(0);
  if (failed(dims))
    return failure();
  auto rank = int64_t(dims->size());
  auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  KnownTensor result;
  for (int64_t axis = clamp(start); axis < clamp(end); ++axis)
    result.elements.push_back({(*dims)[axis]});
  result.shape = {int64_t(result.elements.size())};
  node.setOutput(0, std::move(result));
  return success();
}

LogicalResult lathe::onnx::evaluateSize(NodeImporter &node) {
  FailureOr<DimList> dims = node.inputDims(0);
  if (failed(dims))
    return failure();
  ElementMath math = node.math();
  std::optional<Element> count = math.integer(1);
  for (AffineExpr dim : *dims)
    count = count ? math.mul(DataType::Int64, *count, {dim}) : std::nullopt;
  if (!count)
    return failure();
  node.setOutput(0, KnownTensor{DataType::Int64, {}, {*count}});
  return success();
}

LogicalResult lathe::onnx::evaluateGather(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0), *indices = node.knownInput(1);
  if (!data || !indices || !indices->isConstant() || data->shape.empty())
    return failure();
  auto rank = int64_t(data->shape.size());
  FailureOr<int64_t> axis = node.axisAttribute(0, rank, rank - 1);
  if (failed(axis))
    return failure();
  SmallVector<int64_t> shape(ArrayRef(data->shape).take_front(*axis));
  llvm::append_range(shape, indices->shape);
  llvm::append_range(shape, ArrayRef(data->shape).drop_front(*axis + 1));
  size_t chosen = indices->shape.size();
  int64_t size = data->shape[*axis];
  return setGathered(node, 0, *data, shape, [&](ArrayRef<int64_t> index) -> int64_t {
    int64_t at = *indices->elements[offsetOf(indices->shape, index.slice(*axis, chosen))].constantInt();
    at = at < 0 ? at + size : at;
    if (at < 0 || at >= size)
      return -1;
    SmallVector<int64_t> from(index.take_front(*axis));
    from.push_back(at);
    llvm::append_range(from, index.drop_front(*axis + chosen));
    return offsetOf(data->shape, from);
  });
}

LogicalResult lathe::onnx::evaluateGatherElements(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0), *indices = node.knownInput(1);
  if (!data || !indices || !indices->isConstant() || data->shape.empty() || data->shape.size() != indices->shape.size())
    return failure();
  auto rank = int64_t(data->shape.size());
  FailureOr<int64_t> axis = node.axisAttribute(0, rank, rank - 1);
  if (failed(axis))
    return failure();
  return setGathered(node, 0, *data, indices->shape, [&](ArrayRef<int64_t> index) -> int64_t {
    SmallVector<int64_t> from(index);
    int64_t at = *indices->elements[offsetOf(indices->shape, index)].constantInt();
    from[*axis] = at < 0 ? at + data->shape[*axis] : at;
    for (auto [size, position] : llvm::zip_equal(data->shape, from))
      if (position < 0 || position >= size)
        return -1;
    return offsetOf(data->shape, from);
  });
}

LogicalResult lathe::onnx::evaluateConcat(NodeImporter &node) {
  SmallVector<const KnownTensor *> parts;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    parts.push_back(node.knownInput(i));
    if (!parts.back() || parts.back()->type != parts[0]->type || parts.back()->shape.size() != parts[0]->shape.size())
      return failure();
  }
  if (parts.empty() || parts[0]->shape.empty())
    return failure();
  auto rank = int64_t(parts[0]->shape.size());
  FailureOr<int64_t> axis = node.axisAttribute(node.opset() < 4 ? 1 : 0, rank, rank - 1);
  if (failed(axis))
    return failure();
  KnownTensor result{parts[0]->type, parts[0]->shape, {}};
  result.shape[*axis] = 0;
  for (const KnownTensor *part : parts) {
    SmallVector<int64_t> others(part->shape);
    result.shape[*axis] += part->shape[*axis];
    others[*axis] = result.shape[*axis];
    if (others != result.shape)
      return failure();
  }
  std::optional<int64_t> count = countElements(result.shape);
  if (!count)
    return failure();
  SmallVector<int64_t> index(rank);
  for (int64_t i = 0; i < *count; ++i, nextIndex(result.shape, index)) {
    SmallVector<int64_t> from(index);
    const KnownTensor *const *part = parts.begin();
    for (; from[*axis] >= (*part)->shape[*axis]; ++part)
      from[*axis] -= (*part)->shape[*axis];
    result.elements.push_back((*part)->elements[offsetOf((*part)->shape, from)]);
  }
  node.setOutput(0, std::move(result));
  return success();
}

/// The place of a slice's end, within [low, high] for every value of the symbols.
static std::optional<int64_t> clampIndex(const Element &element, int64_t size, int64_t low, int64_t high) {
  std::optional<int64_t> at = element.constantInt();
  if (!at)
    return std::nullopt;
  return std::clamp<int64_t>(*at < 0 ? *at + size : *at, low, high);
}

LogicalResult lathe::onnx::evaluateSlice(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0);
  std::optional<SmallVector<int64_t>> starts = parameter(node, "starts", 1), ends = parameter(node, "ends", 2);
  if (!data || !starts || !ends || starts->size() != ends->size())
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, starts->size())), steps(starts->size(), 1);
  if (std::optional<SmallVector<int64_t>> given = parameter(node, "axes", 3))
    axes = *given;
  else if (node.hasInput(3))
    return failure();
  if (std::optional<SmallVector<int64_t>> given = constants(node, 4))
    steps = *given;
  else if (node.hasInput(4))
    return failure();
  FailureOr<SmallVector<int64_t>> distinct = node.normalizeAxes(axes, data->shape.size());
  if (failed(distinct) || axes.size() != starts->size() || steps.size() != starts->size())
    return failure();
  SmallVector<int64_t> shape(data->shape), first(shape.size(), 0), step(shape.size(), 1);
  for (auto [axis, start, end, by] : llvm::zip_equal(axes, *starts, *ends, steps)) {
    int64_t at = axis < 0 ? axis + shape.size() : axis, size = data->shape[at];
    if (by == 0 || by == INT64_MIN)
      return failure();
    bool forward = by > 0;
    ElementMath math = node.math();
    int64_t low = *clampIndex(math.integer(start), size, 0, forward ? size : size - 1);
    int64_t high = *clampIndex(math.integer(end), size, forward ? 0 : -1, forward ? size : size - 1);
    first[at] = low;
    step[at] = by;
    int64_t span = forward ? high - low : low - high, width = forward ? by : -by;
    shape[at] = span <= 0 ? 0 : (span - 1) / width + 1;
  }
  return setGathered(node, 0, *data, shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(index);
    for (auto [axis, at] : llvm::enumerate(from))
      at = first[axis] + at * step[axis];
    return offsetOf(data->shape, from);
  });
}

static LogicalResult setReshaped(NodeImporter &node, const KnownTensor &data, SmallVector<int64_t> shape) {
  if (countElements(shape) != int64_t(data.elements.size()))
    return failure();
  node.setOutput(0, KnownTensor{data.type, std::move(shape), data.elements});
  return success();
}

LogicalResult lathe::onnx::evaluateSqueeze(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0);
  std::optional<SmallVector<int64_t>> given = parameter(node, "axes", 1);
  if (!data || (!given && node.hasInput(1)))
    return failure();
  SmallVector<int64_t> axes, shape;
  if (given) {
    FailureOr<SmallVector<int64_t>> sorted = node.normalizeAxes(*given, data->shape.size());
    if (failed(sorted))
      return failure();
    axes = *sorted;
  }
  for (auto [axis, size] : llvm::enumerate(data->shape)) {
    bool drop = given ? llvm::is_contained(axes, int64_t(axis)) : size == 1;
    if (drop && size != 1)
      return failure();
    if (!drop)
      shape.push_back(size);
  }
  return setReshaped(node, *data, std::move(shape));
}

LogicalResult lathe::onnx::evaluateUnsqueeze(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0);
  std::optional<SmallVector<int64_t>> given = parameter(node, "axes", 1);
  if (!data || !given)
    return failure();
  FailureOr<SmallVector<int64_t>> axes = node.normalizeAxes(*given, data->shape.size() + given->size());
  if (failed(axes))
    return failure();
  SmallVector<int64_t> shape(data->shape);
  for (int64_t axis : *axes)
    shape.insert(shape.begin() + axis, 1);
  return setReshaped(node, *data, std::move(shape));
}

LogicalResult lathe::onnx::evaluateReshape(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0);
  bool keepZero = node.intAttribute("allowzero", 0) != 0;
  std::optional<SmallVector<int64_t>> given = parameter(node, "shape", 1);
  if (!data || !given)
    return failure();
  int64_t known = 1, inferred = -1;
  for (auto [i, size] : llvm::enumerate(*given)) {
    if (size == 0 && !keepZero)
      size = i < data->shape.size() ? data->shape[i] : -2;
    if (size == -1 && inferred < 0)
      inferred = i;
    else if (size < 0 || (size > 0 && known > MaximumKnownElements / size))
      return failure();
    else
      known *= size;
  }
  if (inferred >= 0 && known > 0)
    (*given)[inferred] = int64_t(data->elements.size()) / known;
  return setReshaped(node, *data, std::move(*given));
}

LogicalResult lathe::onnx::evaluateTranspose(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0);
  if (!data)
    return failure();
  size_t rank = data->shape.size();
  SmallVector<int64_t> permutation(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  if (std::optional<ArrayRef<int64_t>> given = node.intsAttribute("perm"))
    permutation.assign(given->begin(), given->end());
  SmallVector<int64_t> sorted(permutation), shape;
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rank)))
    return failure();
  for (int64_t from : permutation)
    shape.push_back(data->shape[from]);
  return setGathered(node, 0, *data, shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(rank);
    for (auto [axis, at] : llvm::zip_equal(permutation, index))
      from[axis] = at;
    return offsetOf(data->shape, from);
  });
}

LogicalResult lathe::onnx::evaluateExpand(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0);
  std::optional<SmallVector<int64_t>> target = constants(node, 1);
  if (!data || !target)
    return failure();
  size_t rank = std::max(target->size(), data->shape.size());
  SmallVector<int64_t> shape(rank, 1), source(rank, 1);
  llvm::copy(data->shape, source.end() - data->shape.size());
  llvm::copy(*target, shape.end() - target->size());
  for (auto [size, from] : llvm::zip_equal(shape, source)) {
    if (size != from && size != 1 && from != 1)
      return failure();
    size = size == 1 ? from : size;
  }
  return setGathered(node, 0, *data, shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(index);
    for (auto [at, size] : llvm::zip_equal(from, source))
      at = size == 1 ? 0 : at;
    return offsetOf(source, from);
  });
}

LogicalResult lathe::onnx::evaluateTile(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0);
  std::optional<SmallVector<int64_t>> repeats = constants(node, 1);
  if (!data || !repeats || repeats->size() != data->shape.size())
    return failure();
  SmallVector<int64_t> shape(data->shape);
  for (auto [size, times] : llvm::zip_equal(shape, *repeats)) {
    if (times < 0 || times > MaximumKnownElements)
      return failure();
    size *= times;
  }
  return setGathered(node, 0, *data, shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(index);
    for (auto [at, size] : llvm::zip_equal(from, data->shape))
      at %= size;
    return offsetOf(data->shape, from);
  });
}

LogicalResult lathe::onnx::evaluateSplit(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0);
  std::optional<SmallVector<int64_t>> sizes = parameter(node, "split", 1);
  if (!data || data->shape.empty() || (!sizes && node.hasInput(1)))
    return failure();
  auto rank = int64_t(data->shape.size());
  FailureOr<int64_t> axis = node.axisAttribute(0, rank, rank - 1);
  auto parts = node.intAttribute("num_outputs", int64_t(node.numOutputs()));
  if (failed(axis) || parts != int64_t(node.numOutputs()) || parts == 0)
    return failure();
  if (!sizes) {
    int64_t each = llvm::divideCeil(data->shape[*axis], parts);
    sizes.emplace(parts, each);
    sizes->back() = data->shape[*axis] - each * (parts - 1);
  }
  if (int64_t(sizes->size()) != parts || llvm::any_of(*sizes, [](int64_t size) { return size < 0; }))
    return failure();
  int64_t begin = 0;
  for (auto [output, size] : llvm::enumerate(*sizes)) {
    SmallVector<int64_t> shape(data->shape);
    shape[*axis] = size;
    if (begin > data->shape[*axis] - size)
      return failure();
    LogicalResult set = setGathered(node, output, *data, shape, [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> from(index);
      from[*axis] += begin;
      return offsetOf(data->shape, from);
    });
    if (failed(set))
      return failure();
    begin += size;
  }
  return success();
}

LogicalResult lathe::onnx::evaluateRange(NodeImporter &node) {
  std::array<int64_t, 3> bounds; // start, limit, delta
  for (size_t i = 0; i < 3; ++i) {
    std::optional<SmallVector<int64_t>> value = constants(node, i);
    if (!value || value->size() != 1 || std::abs(value->front()) > INT32_MAX)
      return failure();
    bounds[i] = value->front();
  }
  DataType type = node.inputType(0);
  auto [start, limit, delta] = bounds;
  if (delta == 0 || type == DataType::Float || type == DataType::Double)
    return failure();
  KnownTensor result{type, {}, {}};
  for (int64_t at = start; delta > 0 ? at < limit : at > limit; at += delta) {
    if (result.elements.size() == MaximumKnownElements)
      return failure();
    result.elements.push_back(node.math().integer(at));
  }
  result.shape = {int64_t(result.elements.size())};
  node.setOutput(0, std::move(result));
  return success();
}

LogicalResult lathe::onnx::evaluateConstantOfShape(NodeImporter &node) {
  std::optional<SmallVector<int64_t>> shape = constants(node, 0);
  std::optional<int64_t> count = shape ? countElements(*shape) : std::nullopt;
  if (!count)
    return failure();
  ElementMath math = node.math();
  KnownTensor result{DataType::Float, *shape, {}};
  Element value = math.integer(0);
  if (const NodeAttribute *given = node.attribute("value")) {
    std::optional<KnownTensor> read = node.readTensor(given->tensor);
    if (given->kind != AttributeKind::Tensor || !read || read->elements.size() != 1)
      return failure();
    value = read->elements[0];
    result.type = read->type;
  }
  result.elements.assign(*count, value);
  node.setOutput(0, std::move(result));
  return success();
}

LogicalResult lathe::onnx::evaluateNonZero(NodeImporter &node) {
  const KnownTensor *data = node.knownInput(0);
  if (!data)
    return failure();
  ElementMath math = node.math();
  SmallVector<SmallVector<int64_t>> found;
  SmallVector<int64_t> index(data->shape.size());
  for (size_t i = 0; i < data->elements.size(); ++i, nextIndex(data->shape, index)) {
    std::optional<bool> zero = math.isEqual(data->elements[i], math.integer(0));
    if (!zero)
      return failure();
    if (!*zero)
      found.push_back(index);
  }
  KnownTensor result{DataType::Int64, {int64_t(index.size()), int64_t(found.size())}, {}};
  for (size_t axis = 0; axis < index.size(); ++axis)
    for (const SmallVector<int64_t> &at : found)
      result.elements.push_back(math.integer(at[axis]));
  node.setOutput(0, std::move(result));
  return success();
}
