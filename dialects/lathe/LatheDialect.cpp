#include "dialects/lathe/Lathe.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace lathe;

#include "dialects/lathe/LatheDialect.cpp.inc"
#include "dialects/lathe/LatheOpInterfaces.cpp.inc"

void LatheDialect::initialize() {
  registerTypes();
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/lathe/LatheOps.cpp.inc"
      >();
  registerLoopOps();
}

static LogicalResult verifySymbols(FunctionOpInterface function, Attribute attribute) {
  auto symbols = dyn_cast<ArrayAttr>(attribute);
  if (!symbols || !llvm::all_of(symbols, llvm::IsaPred<SymbolAttr>))
    return function->emitOpError() << "'" << SymbolsAttrName << "' must be an array of #lathe.symbol";
  llvm::StringSet<> names;
  for (auto symbol : symbols.getAsRange<SymbolAttr>())
    if (!names.insert(symbol.getName()).second)
      return function->emitOpError() << "'" << SymbolsAttrName << "' holds '" << symbol.getName() << "' twice";
  return success();
}

/// Checks `lathe.dims` of one argument or result against its type and the function's symbols. A computed size of a
/// result is text for people: what it is follows from the operations.
static LogicalResult verifyDims(FunctionOpInterface function, Attribute attribute, Type type, const Twine &what,
                                bool isResult) {
  auto dims = dyn_cast_or_null<ArrayAttr>(attribute);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!dims || !tensor)
    return success();
  if (int64_t(dims.size()) != tensor.getRank())
    return function->emitOpError() << what << " has rank " << tensor.getRank() << " but '" << DimsAttrName << "' has "
                                   << dims.size() << " entries";
  auto symbols = function->getAttrOfType<ArrayAttr>(SymbolsAttrName);
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (auto size = dyn_cast<IntegerAttr>(dim)) {
      if (size.getInt() != tensor.getDimSize(i))
        return function->emitOpError() << what << " dimension " << i << " is " << tensor.getDimSize(i) << " but '"
                                       << DimsAttrName << "' says " << size.getInt();
      continue;
    }
    auto name = dyn_cast<StringAttr>(dim);
    bool known = name && symbols && llvm::any_of(symbols.getAsRange<SymbolAttr>(), [&](SymbolAttr symbol) {
                   return symbol.getName() == name.getValue();
                 });
    if (!known && !(isResult && name))
      return function->emitOpError() << what << " dimension " << i << " is " << dim << ", which is no symbol of '"
                                     << SymbolsAttrName << "'";
    if (!tensor.isDynamicDim(i))
      return function->emitOpError() << what << " dimension " << i << " is static but '" << DimsAttrName
                                     << "' names symbol " << name;
  }
  return success();
}

LogicalResult LatheDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() == FilesAttrName) {
    auto files = dyn_cast<ArrayAttr>(attribute.getValue());
    if (!isa<ModuleOp>(op) || !files || !llvm::all_of(files, llvm::IsaPred<StringAttr>))
      return op->emitOpError() << "'" << FilesAttrName << "' must be an array of paths on a module";
    return success();
  }
  if (attribute.getName() != EntryAttrName)
    return success();
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitOpError() << "'" << EntryAttrName << "' belongs on a function";
  auto kind = dyn_cast<StringAttr>(attribute.getValue());
  if (!kind || !llvm::is_contained({"tensor", "language_model", "encoder"}, kind.getValue()))
    return op->emitOpError() << "'" << EntryAttrName << "' is " << attribute.getValue()
                             << R"(, needed "tensor", "language_model" or "encoder")";
  if (Attribute symbols = op->getAttr(SymbolsAttrName))
    if (failed(verifySymbols(function, symbols)))
      return failure();
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (failed(verifyDims(function, function.getArgAttr(i, DimsAttrName), function.getArgumentTypes()[i],
                          "argument " + Twine(i), /*isResult=*/false)))
      return failure();
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (failed(verifyDims(function, function.getResultAttr(i, DimsAttrName), function.getResultTypes()[i],
                          "result " + Twine(i), /*isResult=*/true)))
      return failure();
  return success();
}

#define GET_OP_CLASSES
#include "dialects/lathe/LatheOps.cpp.inc"
