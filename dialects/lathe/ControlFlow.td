// Operations that choose or repeat.

def Lathe_Condition : RankedTensorOf<[I1]>;
def Lathe_TripCount : RankedTensorOf<[I64]>;

def Lathe_IfOp : Lathe_ModelOp<"if", [Lathe_NotDifferentiable, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "One of two computations, chosen by a condition";
  let description = [{
    The first region runs where `condition` is true, the second one otherwise; the results are what it yields. The regions see
    values from outside. Results may have another size in each branch: such a size is known when the branch has run.
    Constraints:
    * (C1) `condition` has no dimensions.
    * (C2) Each region takes no arguments and yields one value for each result, of its element type and of sizes that
      agree with it.
    Example:
    ```mlir
    %y = lathe.if %c : tensor<i1> -> tensor<4xf32> {
      %0 = lathe.relu %x : tensor<4xf32>
      lathe.yield %0 : tensor<4xf32>
    } else {
      lathe.yield %x : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Lathe_Condition:$condition);
  let results = (outs Variadic<Lathe_AnyTensor>:$outputs);
  let regions = (region SizedRegion<1>:$thenBody, SizedRegion<1>:$elseBody);
  let assemblyFormat = [{
    $condition attr-dict `:` type($condition) (`->` type($outputs)^)? $thenBody `else` $elseBody
  }];
  let hasRegionVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Lathe_LoopOp : Lathe_ModelOp<"loop", [Lathe_NotDifferentiable, AttrSizedOperandSegments,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "A computation repeated, with values carried from one round to the next";
  let description = [{
    Runs its region `trip` times, while the condition holds: before the first round the condition is `condition`, before each
    other one it is what the region yielded. ONNX's Loop and Scan:

    ```
    for (i = 0; i < trip && condition; ++i)
      condition, carried, row = region(i, carried, scanned[i])
      rows[i] = row
    ```

    `trip` is absent where `scanned` gives the number of rounds or the condition alone ends the loop; without `condition` the
    region yields none. The region takes the number of the round, the carried values, and row i of each scanned value; it sees
    values from outside. The results are the carried values after the last round, then the rows that the rounds yielded, one
    upon the other. A negative `trip` is 0 rounds.
    Constraints:
    * (C1) There is a `trip`, a `condition` or a scanned value, and not both `trip` and scanned values. `trip` and
      `condition` have no dimensions.
    * (C2) The region takes a `tensor<i64>`, then a value for each carried one, of its element type and of sizes that
      agree, then for each scanned value one that lacks its first dimension.
    * (C3) The region yields a `tensor<i1>` if there is a condition, then a value for each result: a carried one of the
      result's type, or of sizes that agree with it, or one row of a stacked one.
    * (C4) There is a result for each carried value, of the type that the region takes.
    Example:
    ```mlir
    %y:2 = lathe.loop trip %n while %c carried(%x) :
        (tensor<i64>, tensor<i1>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
    ^bb0(%i: tensor<i64>, %a: tensor<4xf32>):
      %0 = lathe.relu %a : tensor<4xf32>
      lathe.yield %c, %0, %0 : tensor<i1>, tensor<4xf32>, tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Optional<Lathe_TripCount>:$trip, Optional<Lathe_Condition>:$condition,
                       Variadic<Lathe_AnyTensor>:$carried, Variadic<Lathe_AnyTensor>:$scanned);
  let results = (outs Variadic<Lathe_AnyTensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`trip` $trip^)? (`while` $condition^)? (`carried` `(` $carried^ `)`)? (`scanned` `(` $scanned^ `)`)? attr-dict `:`
    functional-type(operands, $outputs) $body
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The region's argument that holds the number of the round.
    ::mlir::BlockArgument getRound() { return getBody().getArgument(0); }
    /// The region's arguments for the carried values, and for the rows of the scanned ones.
    ::llvm::ArrayRef<::mlir::BlockArgument> getCarriedArguments() {
      return getBody().getArguments().slice(1, getCarried().size());
    }
    ::llvm::ArrayRef<::mlir::BlockArgument> getScannedArguments() {
      return getBody().getArguments().drop_front(1 + getCarried().size());
    }
    /// What a round yields: its condition (null without one), the next carried values, the rows.
    ::mlir::Value getYieldedCondition();
    ::mlir::OperandRange getYieldedCarried();
    ::mlir::OperandRange getYieldedRows();
  }];
}
