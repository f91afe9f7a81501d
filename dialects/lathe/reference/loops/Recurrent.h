// Loops of LoopRecurrent.td. A tile is one sequence in one direction; its state stands in the results.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_RECURRENT_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_RECURRENT_H

#include "dialects/lathe/reference/loops/Tensor.h"

namespace lathe::loops {

/// inputs: input, weights, recurrence, bias, lengths, initial_h; outputs: outputs, last_h; attributes: direction, clip.
struct Recurrent {
  const LoopCall &call;
  const Tensor &input, &weights, &recurrence, &bias, &lengths, &initial, &outputs, &last;
  int64_t steps, batch, width, units, directions, gates, direction, sequence;
  double clip;

  LATHE_LOOP_INLINE Recurrent(const LoopCall &call, int64_t gates, int64_t tile)
      : call(call), input(call.inputs[0]), weights(call.inputs[1]), recurrence(call.inputs[2]), bias(call.inputs[3]),
        lengths(call.inputs[4]), initial(call.inputs[5]), outputs(call.outputs[0]), last(call.outputs[1]),
        steps(input.shape[0]), batch(input.shape[1]), width(input.shape[2]), units(recurrence.shape[2]),
        directions(recurrence.shape[0]), gates(gates), direction(tile / batch), sequence(tile % batch),
        clip(__builtin_bit_cast(float, int32_t(call.attributes[1]))) {}

  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *inputs) { return inputs[2].shape[0] * inputs[0].shape[1]; }

  LATHE_LOOP_INLINE int64_t stateAt(int64_t unit) const { return (direction * batch + sequence) * units + unit; }
  LATHE_LOOP_INLINE int64_t outputAt(int64_t time, int64_t unit) const {
    return ((time * directions + direction) * batch + sequence) * units + unit;
  }
  LATHE_LOOP_INLINE double bounded(double x) const { return clip > 0 ? (x > clip ? clip : x < -clip ? -clip : x) : x; }
  LATHE_LOOP_INLINE double sigmoid(double x) const { return 1 / (1 + call.math->exp(-bounded(x))); }
  LATHE_LOOP_INLINE double tanh(double x) const { return call.math->tanh(bounded(x)); }

  /// W x_t + W's bias of one gate and unit.
  LATHE_LOOP_INLINE double fromInput(int64_t time, int64_t gate, int64_t unit) const {
    int64_t row = (direction * gates + gate) * units + unit;
    double sum = bias.loadFloat(direction * 2 * gates * units + gate * units + unit);
    for (int64_t i = 0; i < width; ++i)
      sum += weights.loadFloat(row * width + i) * input.loadFloat((time * batch + sequence) * width + i);
    return sum;
  }
  /// R's bias of one gate and unit.
  LATHE_LOOP_INLINE double recurrenceBias(int64_t gate, int64_t unit) const {
    return bias.loadFloat(direction * 2 * gates * units + (gates + gate) * units + unit);
  }
  /// R h of one gate and unit, `state(i)` being element i of h.
  template <typename State> LATHE_LOOP_INLINE double fromState(int64_t gate, int64_t unit, State state) const {
    int64_t row = (direction * gates + gate) * units + unit;
    double sum = 0;
    for (int64_t i = 0; i < units; ++i)
      sum += recurrence.loadFloat(row * units + i) * state(i);
    return sum;
  }

  /// Calls `step(time, h)` for each step of the sequence, `h(i)` being the state before it; the step writes `outputs`.
  template <typename Step> LATHE_LOOP_INLINE int32_t run(Step step) const {
    int64_t length = lengths.loadInt(sequence);
    if (length < 0 || length > steps)
      return runtime::HostValueOutOfRange;
    bool backwards = call.attributes[0] == 1 || direction == 1;
    for (int64_t time = length; time < steps; ++time)
      for (int64_t unit = 0; unit < units; ++unit)
        outputs.storeFloat(outputAt(time, unit), 0);
    int64_t before = -1;
    for (int64_t i = 0; i < length; ++i) {
      int64_t time = backwards ? length - 1 - i : i;
      step(time, [&](int64_t unit) {
        return before < 0 ? initial.loadFloat(stateAt(unit)) : outputs.loadFloat(outputAt(before, unit));
      });
      before = time;
    }
    for (int64_t unit = 0; unit < units; ++unit)
      last.storeFloat(stateAt(unit),
                      before < 0 ? initial.loadFloat(stateAt(unit)) : outputs.loadFloat(outputAt(before, unit)));
    return runtime::HostDone;
  }
};

/// More inputs: initial_c, peepholes; outputs: last_c; attributes: input_forget.
struct Lstm {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *inputs, const Tensor *, const int64_t *) {
    return Recurrent::tiles(inputs);
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &initialC = call.inputs[6], &peepholes = call.inputs[7], &cell = call.outputs[2];
    for (int64_t tile = call.begin; tile < call.end; ++tile) {
      Recurrent net(call, 4, tile);
      int64_t units = net.units;
      for (int64_t unit = 0; unit < units; ++unit)
        cell.copy(net.stateAt(unit), initialC, net.stateAt(unit));
      int32_t fault = net.run([&](int64_t time, auto h) {
        for (int64_t unit = 0; unit < units; ++unit) {
          auto sum = [&](int64_t gate) {
            return net.fromInput(time, gate, unit) + net.recurrenceBias(gate, unit) + net.fromState(gate, unit, h);
          };
          auto peephole = [&](int64_t gate) { return peepholes.loadFloat((net.direction * 3 + gate) * units + unit); };
          double c = cell.loadFloat(net.stateAt(unit));
          double i = net.sigmoid(sum(0) + peephole(0) * c);
          double f = call.attributes[2] ? 1 - i : net.sigmoid(sum(2) + peephole(2) * c);
          c = f * c + i * net.tanh(sum(3));
          double o = net.sigmoid(sum(1) + peephole(1) * c);
          cell.storeFloat(net.stateAt(unit), c);
          net.outputs.storeFloat(net.outputAt(time, unit), o * call.math->tanh(c));
        }
      });
      if (fault != runtime::HostDone)
        return fault;
    }
    return runtime::HostDone;
  }
};

/// attributes: linear_before_reset.
struct Gru {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *inputs, const Tensor *, const int64_t *) {
    return Recurrent::tiles(inputs);
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    for (int64_t tile = call.begin; tile < call.end; ++tile) {
      Recurrent net(call, 3, tile);
      bool linear = call.attributes[2];
      int32_t fault = net.run([&](int64_t time, auto h) {
        auto gate = [&](int64_t g, int64_t unit) {
          return net.sigmoid(net.fromInput(time, g, unit) + net.recurrenceBias(g, unit) + net.fromState(g, unit, h));
        };
        // The reset gates stand in `last_h` for the time of the step.
        for (int64_t unit = 0; unit < net.units; ++unit)
          net.last.storeFloat(net.stateAt(unit), gate(1, unit));
        for (int64_t unit = 0; unit < net.units; ++unit) {
          double z = gate(0, unit), product;
          if (linear)
            product = net.last.loadFloat(net.stateAt(unit)) * (net.fromState(2, unit, h) + net.recurrenceBias(2, unit));
          else
            product = net.recurrenceBias(2, unit) +
                      net.fromState(2, unit, [&](int64_t i) { return net.last.loadFloat(net.stateAt(i)) * h(i); });
          double candidate = net.tanh(net.fromInput(time, 2, unit) + product);
          net.outputs.storeFloat(net.outputAt(time, unit), (1 - z) * candidate + z * h(unit));
        }
      });
      if (fault != runtime::HostDone)
        return fault;
    }
    return runtime::HostDone;
  }
};

/// attributes: activation (0 tanh, 1 relu, 2 sigmoid).
struct Rnn {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *inputs, const Tensor *, const int64_t *) {
    return Recurrent::tiles(inputs);
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    for (int64_t tile = call.begin; tile < call.end; ++tile) {
      Recurrent net(call, 1, tile);
      int32_t fault = net.run([&](int64_t time, auto h) {
        for (int64_t unit = 0; unit < net.units; ++unit) {
          double x = net.fromInput(time, 0, unit) + net.recurrenceBias(0, unit) + net.fromState(0, unit, h);
          double y = call.attributes[2] == 0   ? net.tanh(x)
                     : call.attributes[2] == 2 ? net.sigmoid(x)
                     : net.bounded(x) > 0      ? net.bounded(x)
                                               : 0;
          net.outputs.storeFloat(net.outputAt(time, unit), y);
        }
      });
      if (fault != runtime::HostDone)
        return fault;
    }
    return runtime::HostDone;
  }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_RECURRENT_H
