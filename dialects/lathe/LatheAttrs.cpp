#include "dialects/lathe/Lathe.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe;

#include "dialects/lathe/LatheEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/lathe/LatheAttrs.cpp.inc"

void LatheDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/lathe/LatheAttrs.cpp.inc"
      >();
}

LogicalResult SymbolAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t min,
                                 int64_t max) {
  if (name.empty())
    return emitError() << "a symbol needs a name";
  if (min < 0 || max < min)
    return emitError() << "symbol '" << name << "' has bounds " << min << ".." << max << ", needed 0 <= min <= max";
  return success();
}
