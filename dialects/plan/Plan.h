// The `plan` dialect: what the machine does. The manual is Plan.td.
#ifndef LATHE_DIALECTS_PLAN_PLAN_H
#define LATHE_DIALECTS_PLAN_PLAN_H

#include "dialects/lathe/Lathe.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/SymbolTable.h"

#include "dialects/plan/PlanDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/plan/PlanTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.h.inc"

#endif // LATHE_DIALECTS_PLAN_PLAN_H
