// The operations of the `lathe` dialect that are about ranks: apart from Lathe.h, as most sources know one device.
#ifndef LATHE_DIALECTS_LATHE_COLLECTIVES_H
#define LATHE_DIALECTS_LATHE_COLLECTIVES_H

#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/Sharding.h"

#define GET_OP_CLASSES
#include "dialects/lathe/Collectives.h.inc"

namespace lathe {

/// True for the operations that ranks run together.
inline bool isCollective(mlir::Operation *op) { return mlir::isa<AllReduceOp, AllGatherOp, ReduceScatterOp>(op); }

/// The axis along which the ranks of a collective's group differ.
llvm::StringRef getCollectiveAxis(mlir::Operation *collective);

/// Part `part` of the `parts` equal parts that dimension `dim` is cut into, which begin and end on block borders.
ReferenceValue takePart(const ReferenceValue &value, int64_t dim, int64_t parts, int64_t part);

/// What a collective gives the rank at `coordinate` of a group, of whose ranks `inputs` are the operands in order.
ReferenceValue evaluateCollective(mlir::Operation *collective, llvm::ArrayRef<ReferenceValue> inputs,
                                  int64_t coordinate);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_COLLECTIVES_H
