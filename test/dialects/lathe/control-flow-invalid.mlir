// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @if_c1(%c: tensor<1xi1>) {
  // expected-error @below {{'lathe.if' op condition is 'tensor<1xi1>', needed tensor<i1>}}
  lathe.if %c : tensor<1xi1> {
  } else {
  }
  return
}

// -----

func.func @if_c2(%c: tensor<i1>, %x: tensor<4xf32>, %y: tensor<3xf32>) {
  // expected-error @below {{'lathe.if' op the second region yields ('tensor<3xf32>') but the results are ('tensor<4xf32>')}}
  %0 = lathe.if %c : tensor<i1> -> tensor<4xf32> {
    lathe.yield %x : tensor<4xf32>
  } else {
    lathe.yield %y : tensor<3xf32>
  }
  return
}

// -----

func.func @if_c2_arguments(%c: tensor<i1>) {
  // expected-error @below {{'lathe.if' op the first region takes 1 arguments, needed none}}
  lathe.if %c : tensor<i1> {
  ^bb0(%a: tensor<i1>):
  } else {
  }
  return
}

// -----

func.func @loop_c1(%x: tensor<4xf32>) {
  // expected-error @below {{'lathe.loop' op has no trip, no condition and no scanned value, needed one of them to end it}}
  %0 = lathe.loop carried(%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i64>, %v: tensor<4xf32>):
    lathe.yield %v : tensor<4xf32>
  }
  return
}

// -----

func.func @loop_c1_both(%n: tensor<i64>, %r: tensor<4xf32>) {
  // expected-error @below {{'lathe.loop' op has a trip and scanned values, needed one of them}}
  lathe.loop trip %n scanned(%r) : (tensor<i64>, tensor<4xf32>) -> () {
  ^bb0(%i: tensor<i64>, %row: tensor<f32>):
  }
  return
}

// -----

func.func @loop_c1_scalar(%n: tensor<1xi64>) {
  // expected-error @below {{'lathe.loop' op trip or condition is 'tensor<1xi64>', needed no dimensions}}
  lathe.loop trip %n : (tensor<1xi64>) -> () {
  ^bb0(%i: tensor<i64>):
  }
  return
}

// -----

func.func @loop_c2(%r: tensor<?x4xf32>) {
  // expected-error @below {{'lathe.loop' op region takes ('tensor<i64>', 'tensor<3xf32>'), needed ('tensor<i64>', 'tensor<4xf32>')}}
  lathe.loop scanned(%r) : (tensor<?x4xf32>) -> () {
  ^bb0(%i: tensor<i64>, %row: tensor<3xf32>):
  }
  return
}

// -----

func.func @loop_c3(%n: tensor<i64>, %c: tensor<i1>, %x: tensor<4xf32>) {
  // expected-error @below {{'lathe.loop' op region yields ('tensor<4xf32>'), needed ('tensor<i1>', 'tensor<4xf32>')}}
  %0 = lathe.loop trip %n while %c carried(%x) : (tensor<i64>, tensor<i1>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i64>, %v: tensor<4xf32>):
    lathe.yield %v : tensor<4xf32>
  }
  return
}

// -----

func.func @loop_c4(%n: tensor<i64>, %x: tensor<?xf32>) {
  // expected-error @below {{'lathe.loop' op results are ('tensor<4xf32>') but the region carries ('tensor<?xf32>')}}
  %0 = lathe.loop trip %n carried(%x) : (tensor<i64>, tensor<?xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i64>, %v: tensor<?xf32>):
    lathe.yield %v : tensor<?xf32>
  }
  return
}
