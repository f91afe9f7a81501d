#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/Collectives.h"

using namespace mlir;
using namespace lathe;

void LatheDialect::registerLoopOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/lathe/LoopOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/lathe/Collectives.cpp.inc"
      >();
}

LogicalResult lathe::verifyWord(Operation *op, StringRef name, StringRef value, ArrayRef<StringRef> words) {
  if (llvm::is_contained(words, value))
    return success();
  return op->emitOpError() << name << " is '" << value << "', needed one of " << llvm::join(words, ", ");
}

LogicalResult lathe::verifyAxis(Operation *op, int64_t axis, int64_t rank) {
  if (axis >= 0 && axis < rank)
    return success();
  return op->emitOpError() << "axis is " << axis << " but there are " << rank << " dimensions";
}

LogicalResult lathe::verifyShape(Operation *op, StringRef name, Value result, ArrayRef<int64_t> shape, Type element) {
  auto type = cast<RankedTensorType>(result.getType());
  bool fits = type.getRank() == int64_t(shape.size()) && llvm::all_of(llvm::zip(type.getShape(), shape), [](auto pair) {
                return dimsAgree(std::get<0>(pair), std::get<1>(pair));
              });
  if (element)
    fits &= type.getElementType() == element && !isa<QuantizedTypeInterface>(element);
  if (fits)
    return success();
  // The element type of the value stands for any where it does not matter.
  auto needed = RankedTensorType::get(shape, element ? element : type.getElementType());
  return op->emitOpError() << name << " is " << type << ", needed " << needed << (element ? ", not quantized" : "");
}

// Words stand without quotes: `lathe.pad %x, %v reflect`.
static ParseResult parseWord(OpAsmParser &parser, StringAttr &word) {
  std::string text;
  if (parser.parseKeywordOrString(&text))
    return failure();
  word = parser.getBuilder().getStringAttr(text);
  return success();
}
static void printWord(OpAsmPrinter &printer, Operation *, StringAttr word) { printer.printKeywordOrString(word); }

#define GET_OP_CLASSES
#include "dialects/lathe/LoopOps.cpp.inc"
